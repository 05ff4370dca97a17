"""The deployment checklist: which gates there are, how each binds by default, and what may be set of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a gate binds: without a required one nobody can approve; an advised one is shown; one that is off is not."""

    REQUIRED = "required"
    ADVISED = "advised"
    OFF = "off"


# Besides figures, a policy may say that somebody's word is enough (1) or not (0).
ACCEPT_CLAIM = "accept_claim"


@dataclass(frozen=True)
class Threshold:
    """A figure that decides: default and the range in which it may be set."""

    name: str
    title: str
    default: float
    low: float = 0.0
    high: float = 1.0
    unit: str = ""


@dataclass(frozen=True)
class Gate:
    """One required kind of evidence. `levels` are the defaults for high, limited and minimal risk."""

    kind: str
    title: str
    asks: str
    levels: tuple[Level, Level, Level]
    thresholds: tuple[Threshold, ...] = ()
    waivable: bool = True

    def default_level(self, risk_class: str) -> Level:
        """How the gate binds where no policy says otherwise."""
        return dict(zip(("high", "limited", "minimal"), self.levels, strict=True))[risk_class]

    @property
    def defaults(self) -> dict[str, float]:
        """The thresholds where no policy says otherwise."""
        return {threshold.name: threshold.default for threshold in self.thresholds}

    def problems_of(self, thresholds: Mapping[str, object]) -> list[tuple[str, str]]:
        """What is wrong with thresholds that somebody wants to set: names and words."""
        known = {threshold.name: threshold for threshold in self.thresholds}
        found = [(name, "is not a threshold of this gate") for name in thresholds if name not in known]
        for name, threshold in known.items():
            value = thresholds.get(name, threshold.default)
            if isinstance(value, bool) or not isinstance(value, int | float):
                found.append((name, "must be a number"))
            elif not threshold.low <= value <= threshold.high:
                found.append((name, f"must be from {threshold.low:g} to {threshold.high:g}"))
        return found


_R, _A = Level.REQUIRED, Level.ADVISED
ALWAYS, HIGH_ONLY, NEVER = (_R, _R, _R), (_R, _A, _A), (_A, _A, _A)
CLAIM = Threshold(ACCEPT_CLAIM, "Somebody's word is enough (1) or must be proven (0)", 1)

GATES: tuple[Gate, ...] = (
    Gate(
        "artifact",
        "Artifact is safe and opens in the sandbox",
        "Is it a known format without code, and does it load with limits, no network and no files?",
        ALWAYS,
        waivable=False,
    ),
    Gate(
        "schema",
        "Input schema present, and the artifact accepts it",
        "Does the model score rows that the schema allows?",
        ALWAYS,
        waivable=False,
    ),
    Gate(
        "background",
        "Background sample fits the schema",
        "Is there a sample of training rows for comparisons and explanations?",
        ALWAYS,
        waivable=False,
    ),
    Gate(
        "libraries",
        "Library versions match",
        "Was the artifact written by the versions of the libraries that will read it?",
        ALWAYS,
    ),
    Gate(
        "golden_rows",
        "Golden rows are reproduced",
        "Do known rows get the scores that they should get, here and in a second process?",
        ALWAYS,
        (Threshold("tolerance", "Largest difference of a score", 1e-6),),
    ),
    Gate(
        "performance",
        "Performance, recomputed on the evaluation sample",
        "Do the metrics that we compute reach the minimums, and do they confirm what the manifest claims?",
        HIGH_ONLY,
        (
            Threshold("min_rows", "Smallest evaluation sample", 100, 1, 100_000, "rows"),
            Threshold("min_roc_auc", "Smallest ROC AUC", 0.65),
            Threshold("max_brier", "Largest Brier score", 0.25),
            Threshold("min_r2", "Smallest R² of a regression", 0.0, -1, 1),
            Threshold("max_claim_gap", "Largest distance from a claimed metric", 0.01),
            Threshold("max_drop_from_live", "Largest drop of ROC AUC or R² below the live version", 0.02),
        ),
    ),
    Gate(
        "distribution",
        "Output distribution against the live version and the training sample",
        "Does it decide like the version that it replaces, and alike for the groups that the law protects?",
        HIGH_ONLY,
        (
            Threshold("max_psi_live", "Largest PSI against the live version", 0.25, 0, 10),
            Threshold("max_psi_training", "Largest PSI against the training sample", 0.25, 0, 10),
            Threshold("max_ks", "Largest KS distance", 0.2),
            Threshold("max_positive_rate_change", "Largest change of the adverse rate", 0.05),
            Threshold("min_group_ratio", "Smallest ratio of favourable rates between groups", 0.8),
            Threshold("min_group_rows", "Smallest group that is judged", 30, 1, 100_000, "rows"),
        ),
    ),
    Gate(
        "latency",
        "Latency of the artifact",
        "Does the 99th percentile of single rows stay under the promise?",
        ALWAYS,
        (Threshold("max_p99_ms", "Largest 99th percentile", 200, 1, 60_000, "ms"),),
    ),
    Gate(
        "explanation",
        "Explanation rehearsal",
        "Are SHAP and LIME ready for ten rows within the minute that a disputed decision may take?",
        HIGH_ONLY,
        (Threshold("max_ms", "Longest explanation", 60_000, 1, 600_000, "ms"),),
    ),
    Gate(
        "commit",
        "Source commit and CI run",
        "Which commit was it trained from, and does the CI that built it say so?",
        HIGH_ONLY,
        (CLAIM,),
    ),
    Gate("training_data", "Fingerprint of the training data", "What did it learn from?", HIGH_ONLY, (CLAIM,)),
    Gate("image", "Container image digest", "Which image trains or serves it, by digest?", NEVER, (CLAIM,)),
    Gate(
        "feature_parity",
        "Feature parity",
        "Are the features at serving time those of training time, for the same keys?",
        NEVER,
        (
            Threshold("max_mismatch", "Largest share of rows that differ, per feature", 0.01),
            Threshold("relative_tolerance", "Relative difference that counts as equal", 1e-6),
        ),
    ),
    Gate(
        "data_quality",
        "Validation of the training data",
        "Did Great Expectations or pandera accept the training data?",
        NEVER,
        (CLAIM,),
    ),
    Gate(
        "rollback",
        "Rollback target armed",
        "If it goes wrong, is there a version to return to that takes the same inputs?",
        NEVER,
    ),
)
BY_KIND = {gate.kind: gate for gate in GATES}


def satisfies(level: Level, verdict: str, thresholds: Mapping[str, float]) -> bool:
    """Whether a gate with this verdict stands in nobody's way."""
    if level != Level.REQUIRED or verdict in ("passed", "waived"):
        return True
    return verdict == "claimed" and bool(thresholds.get(ACCEPT_CLAIM))
