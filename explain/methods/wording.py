"""Reasons and limits in plain language: what a support agent may read out, and what must be known before.

The law behind it: Reg B asks for the specific principal reasons that were actually scored and calls more than
four "not likely to be helpful" (12 CFR 1002.9, comment 9(b)(2)-1); CJEU C-203/22 and AI Act Art. 86 ask for
an explanation that the person can understand and challenge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from explain.methods.agreement import Agreement
from explain.methods.contrast import Alternative, OutputLike
from explain.methods.local import LimeResult, number
from explain.methods.shapley import Contribution, ShapResult
from explain.methods.subject import FeatureLike, Subject

MOST_REASONS = 4
SMALL = 0.05  # of the adverse push: below that a reason is not a principal one
PROTECTED_MATTERS = 0.01  # of the total push
LOW_FIDELITY = 0.5  # R² of the local model (research/explain.md §6)
UNSTABLE = 0.6  # mean Jaccard of LIME's top five over seeds
FEW_ROWS = 200  # below that the four reasons depend on who is in the background (§3.2)
CLOSE = 0.02  # of the total push: closer than that, the background sample decides the order (§3.2)


@dataclass(frozen=True)
class Population:
    """Who the person was compared with: a phrase ("1,000 applicants from the training sample") and its
    digest."""

    description: str
    rows: int
    sha256: str | None = None


def reasons_of(subject: Subject, shap: ShapResult, output: OutputLike, score: float) -> list[str]:
    """At most four reasons, the strongest first, from what pushed towards the adverse outcome.

    `score` decides, as the gateway would, whether they carried the day or were outweighed. Of a value, which is neither
    good nor bad in itself, both directions are told, in its own unit.
    A protected feature is never given as a reason; `disclosures_of` warns of it.
    """
    pushing = [item for item in shap.contributions if is_reason(item.contribution, output)]
    total = sum(abs(item.contribution) for item in pushing)
    features = {str(feature.name): feature for feature in subject.features}
    principal = [
        item
        for item in pushing
        if not features[item.feature].protected and abs(item.contribution) >= SMALL * total
    ][:MOST_REASONS]
    if output.threshold is None:
        return [_moved(features[item.feature], item, total) for item in principal]
    lead = "" if score >= output.threshold else "Outweighed: "
    return [
        f"{lead}{_title(features[item.feature])}: {_value(item)}. This pushed {_towards(output)} "
        f"({_percent(item.contribution / total)} of all that pushed that way)."
        for item in principal
    ]


def is_reason(contribution: float, output: OutputLike) -> bool:
    """Whether a push may be a reason: towards the adverse label, or either way where there are no labels."""
    return contribution > 0 if output.threshold is not None else contribution != 0


def _moved(feature: FeatureLike, item: Contribution, total: float) -> str:
    way = "up" if item.contribution > 0 else "down"
    return (
        f"{_title(feature)}: {_value(item)}. This moved the value {way} by {number(abs(item.contribution))} "
        f"({_percent(abs(item.contribution) / total)} of all that moved it)."
    )


def disclosures_of(
    subject: Subject,
    *,
    population: Population,
    shap: ShapResult | None,
    lime: LimeResult | None,
    agreement: Agreement | None,
    alternatives: tuple[Alternative, ...],
    output: OutputLike,
) -> list[str]:
    """The limits that a reader must know, the gravest first."""
    lines: list[str] = []
    if shap is not None:
        lines += _protected_lines(subject, shap, output)
        lines += _uncertainty_lines(subject, shap, output)
    if agreement is not None and agreement.verdict != "agree":
        much = "tell different stories" if agreement.verdict == "disagree" else "agree only in part"
        lines.append(f"The two methods {much}: do not quote the order of the reasons.")
    if lime is not None:
        lines += _lime_lines(lime)
    lines += _population_lines(population, population.rows if shap is None else shap.background_rows)
    lines += _score_lines(shap, output)
    lines.append("The explanation says what the model used, not what caused anything in the person's life.")
    lines.append("Inputs that go together share credit: the model may name one where the other would do.")
    lines.append(
        "An explanation is not a test for discrimination; the score may also be followed by other steps."
    )
    if alternatives:
        lines.append(
            "What would have changed the outcome is what this model would have answered then. "
            "It is not a promise for a new application."
        )
    return lines


def _score_lines(shap: ShapResult | None, output: OutputLike) -> list[str]:
    """What the explained number is."""
    lines = []
    if shap is not None and shap.space == "log_odds":
        lines.append(
            "Contributions add up in log-odds, not in percentage points: quote their shares, not their size. "
            f"They lead from {_percent(shap.probability_base)}, where the comparison starts, "
            f"to {_percent(shap.probability)}."
        )
    if output.classes:
        lines.append(
            f"The model tells {len(output.classes)} classes apart. Explained is the probability of those together that "
            f"lead to “{output.adverse_label}”: {', '.join(output.adverse_classes)}."
        )
    return lines


def elsewhere_lines(where: Mapping[str, str | None] | None) -> list[str]:
    """What cannot be known of a model that is not here."""
    if where is None:
        return []
    line = "The model is served elsewhere, and was asked there: this report and the replay show what it answers today."
    if where["model_version"]:
        return [f"{line} Its answers call it version {where['model_version']}, as registered; only its word says so."]
    return [f"{line} Whether it is still the model that decided, only the recorded score can tell."]


def _population_lines(population: Population, used: int) -> list[str]:
    """Whom the person was compared with. A model that is dear to ask is asked about a part of them, and says so."""
    whom = f"{population.description} ({population.rows:,} people)"
    lines = [f"Compared with {whom}. Against another group the reasons could differ."]
    if used < population.rows:
        lines.append(f"Contributions rest on {used:,} of them, drawn at random and the same for every decision.")
    if used < FEW_ROWS:
        lines.append(f"Fewer than {FEW_ROWS} people are few: the third and fourth reason may be chance.")
    return lines


def _protected_lines(subject: Subject, shap: ShapResult, output: OutputLike) -> list[str]:
    lines = []
    for index, feature in enumerate(subject.features):
        item = next(each for each in shap.contributions if each.feature == subject.names[index])
        if feature.protected and item.share >= PROTECTED_MATTERS:
            way = _towards(output) if item.contribution > 0 else _away(output)
            lines.append(
                f"Warning: the model used the protected feature “{_title(feature)}”; it pushed {way} "
                f"({_percent(item.share)} of the total push). It is not listed as a reason. "
                "Involve compliance before answering."
            )
    return lines


def _uncertainty_lines(subject: Subject, shap: ShapResult, output: OutputLike) -> list[str]:
    lines = []
    titles = {str(feature.name): feature for feature in subject.features}
    pushing = [
        item
        for item in shap.contributions
        if is_reason(item.contribution, output) and not titles[item.feature].protected
    ]
    whole = sum(abs(item.contribution) for item in shap.contributions)
    for first, second in list(pairwise(pushing))[:MOST_REASONS]:
        noise = 2 * ((first.standard_error or 0.0) ** 2 + (second.standard_error or 0.0) ** 2) ** 0.5
        if abs(first.contribution) - abs(second.contribution) < max(noise, CLOSE * whole) and second.share >= CLOSE:
            lines.append(
                f"“{_title(titles[first.feature])}” and “{_title(titles[second.feature])}” "
                "are too close to call: their order means nothing."
            )
    if shap.method == "permutation":
        lines.append("Contributions are estimates from sampling; their standard errors are given with them.")
    missing = [_title(titles[item.feature]) for item in shap.contributions if item.value is None]
    if missing:
        lines.append(f"Not given: {', '.join(sorted(missing))}. The model was asked without.")
    return lines


def _lime_lines(lime: LimeResult) -> list[str]:
    lines = []
    if lime.r2 < LOW_FIDELITY:
        lines.append(
            f"The local model behind LIME fits the score poorly (R² {lime.r2:.2f}): "
            "use it as a cross-check of directions, not as the reason."
        )
    if lime.stability is not None and lime.stability < UNSTABLE:
        lines.append(
            f"LIME's five strongest features change from seed to seed (overlap {_percent(lime.stability)})."
        )
    if lime.dropped:
        lines.append(f"LIME says nothing about {', '.join(lime.dropped)}: too few samples differ there.")
    return lines


def _towards(output: OutputLike) -> str:
    return f"towards “{output.adverse_label}”" if output.adverse_label else "the value up"


def _away(output: OutputLike) -> str:
    return f"away from “{output.adverse_label}”" if output.adverse_label else "the value down"


def _title(feature: FeatureLike) -> str:
    return str(feature.title or feature.name)


def _value(item: Contribution) -> str:
    if item.value is None:
        return "not given"
    if isinstance(item.value, bool):
        return "yes" if item.value else "no"
    return number(item.value) if isinstance(item.value, (int, float)) else item.value


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %" if share >= 0.095 or share == 0 else f"{share * 100:.1f} %"
