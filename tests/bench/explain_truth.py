"""How right explanations are: against enumeration, against coefficients, against planted models, and on replay.

    python -m tests.bench.explain_truth [--rows 10] [--replayed 100]

Enumeration asks the model about every coalition of inputs and every background row: by the definition, with nothing of
ours but the loop. Trees are asked for their library's own raw margin, since overfitted ones answer probabilities that
are 1 to the last digit. The table has 9 inputs, so that 512 coalitions take seconds. The error is the largest of all
inputs and people, relative to the range of the true values. XGBoost adds in float32, which hides errors below 1e-6: it
is asked which leaves it reaches, and these are added in float64.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable
from math import comb
from typing import Any

import numpy as np
import pandas as pd

from explain.methods import DecisionFacts, Prepared, compose_report, prepare
from explain.methods.links import values_of
from explain.methods.local import explain_lime, prepare_lime
from explain.methods.shapley import explain_shap
from explain.methods.subject import Subject
from explain.methods.trees import TreeMethod
from registry.scoring import frames
from registry.scoring.formats import load
from registry.scoring.manifest import Manifest
from registry.scoring.schema import InputSchema
from tests.bench import results
from tests.bench.explain_models import FAMILIES, Wide, made, widened

NARROW = ("pirat", "hirat", "lvrat", "chist", "mhist", "phist", "unemp", "insurance", "afam")
BACKGROUND, SEED = 60, 7


def main() -> None:
    """Measure what the arguments say; exit code 1 when an exact method is not exact, or a replay does not match."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5, help="people enumerated for each family")
    parser.add_argument("--replayed", type=int, default=100)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    about, wide = results.conditions(), narrowed(widened(13))
    rows = [truth(family, wide, asked.rows, asked.replayed) for family in FAMILIES]
    columns = ("family", "method", "space", "people", "largest error", "sum off by", "replayed", "match", "close")
    small = ("largest error", "sum off by")
    shown = [{**row, **{name: f"{row[name]:.1e}" for name in small}} for row in rows]
    results.show("Errors against enumeration, relative to the range; decisions replayed", shown, columns, about)
    planted = [local(seed) for seed in range(5)]
    results.show("LIME on planted local models (largest error of a weight)", planted, tuple(planted[0]), about)
    results.write("explain-truth", rows, about, planted=planted)
    exact = all(row["largest error"] <= 1e-6 for row in rows)
    replayed = all(row["match"] + row["close"] == row["replayed"] for row in rows)
    raise SystemExit(0 if exact and replayed else "An explanation is not exact, or a replay does not match.")


def narrowed(wide: Wide) -> Wide:
    """The table with nine inputs."""
    raw = wide.schema.raw
    properties = {name: raw["properties"][name] for name in NARROW}
    schema = InputSchema.parse({**raw, "properties": properties, "required": list(NARROW)})
    tables = [table[list(NARROW)] for table in (wide.training, wide.background, wide.others)]
    return Wide(schema, tables[0], wide.denied, tables[1].iloc[:BACKGROUND], tables[2])


def truth(family: str, wide: Wide, people: int, replayed: int) -> dict[str, Any]:
    """One family's row."""
    model = made(family, wide)
    manifest = Manifest.parse(model.manifest)
    scorer = load(model.artifact, manifest)
    prepared = prepare(manifest.inputs, scorer, wide.background, frames, regression=False)
    errors, offs, method = [], [], ""
    for place in range(people):
        codes = wide.codes(wide.others)[place * 7]
        found = explain_shap(prepared.subject, prepared.methods, codes, effort=prepared.effort, seed=SEED)
        ours = np.asarray([_pushes(found)[name] for name in wide.schema.names])
        true = enumerated(prepared.subject.codes, codes, _asker(prepared))
        errors.append(float(np.abs(ours - true).max() / max(np.ptp(true), 1e-12)))
        offs.append(found.additivity_error)
        method = found.method
    row = {"family": family, "method": method, "space": prepared.methods.space, "people": people}
    row |= {"largest error": max(errors), "sum off by": max(offs)}
    row |= replays(prepared, scorer, wide.others.iloc[:replayed], manifest)
    print(f"{family}: {row}", file=sys.stderr, flush=True)
    return row


def _pushes(found: Any) -> dict[str, float]:
    return {item.feature: item.contribution for item in found.contributions}


def _asker(prepared: Prepared) -> Callable[[np.ndarray], np.ndarray]:
    """The model's own answer in the space of its explanation."""
    exact = prepared.methods.exact
    if isinstance(exact, TreeMethod):
        return lambda codes: exact.link.to_space(exact.model.exact_margin(codes) + exact.offset)
    return lambda codes: values_of(prepared.subject.score(codes), prepared.methods.space)


def enumerated(background: np.ndarray, codes: np.ndarray, ask: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Shapley values by the definition."""
    count = len(codes)
    masks = (np.arange(1 << count)[:, None] >> np.arange(count)) & 1 == 1
    mixed = np.where(masks[:, None, :], codes, background).reshape(-1, count)
    game = ask(mixed).reshape(1 << count, -1).mean(axis=1)
    size = masks.sum(axis=1)
    values = np.zeros(count)
    for player in range(count):
        without = np.flatnonzero(~masks[:, player])
        weight = np.asarray([1 / (count * comb(count - 1, int(each))) for each in size[without]])
        values[player] = weight @ (game[without | (1 << player)] - game[without])
    return values


def replays(prepared: Prepared, scorer: Any, rows: pd.DataFrame, manifest: Manifest) -> dict[str, int]:
    """Verdicts on decisions scored one by one, as the gateway does, and explained afterwards."""
    verdicts = []
    for place in range(len(rows)):
        row = {name: None if value != value else value for name, value in rows.iloc[place].items()}
        score = float(scorer.score(frames.to_frame([row], manifest.inputs))[0])
        facts = DecisionFacts(f"decision-{place}", "bench", 1, "ab" * 32, score)
        # No time for more than the replay, which runs after any deadline.
        report = compose_report(prepared, row, facts, manifest.output, budget_s=0.0)
        verdicts.append(report["replay"]["verdict"])
    return {"replayed": len(verdicts), "match": verdicts.count("matches"), "close": verdicts.count("close")}


class _Planted:
    """A model that is linear in conditions: what LIME says is known beforehand."""

    native, format = None, "onnx"

    def __init__(self, schema: InputSchema, weights: np.ndarray) -> None:
        self.schema, self.weights = schema, weights

    def score(self, frame: pd.DataFrame) -> np.ndarray:
        """0.5 and a step for each input that is above its median, or is its second word."""
        codes = frames.to_codes(frame, self.schema)
        return 0.5 + (codes > 0.5) @ self.weights


def local(seed: int) -> dict[str, Any]:
    """LIME's weights of eight two-valued inputs with planted effects, of which three are none."""
    rng = np.random.default_rng(seed)
    properties = {f"x{index}": {"enum": ["no", "yes"]} for index in range(8)}
    raw = {"type": "object", "additionalProperties": False, "required": list(properties), "properties": properties}
    schema = InputSchema.parse(raw)
    weights = np.where(np.arange(8) < 5, rng.uniform(-0.05, 0.05, 8), 0.0)
    codes = rng.integers(0, 2, size=(1_000, 8)).astype(float)
    subject = Subject(schema, _Planted(schema, weights), frames, frames.from_codes(codes, schema))
    found = explain_lime(subject, prepare_lime(subject), codes[0], samples=5_000, seed=seed)
    true = np.where(codes[0] == 1, weights, -weights)
    said = {item.feature: item.weight for item in found.contributions}
    error = max(abs(said[f"x{index}"] - true[index]) for index in range(8))
    return {"seed": seed, "R2": found.r2, "error": f"{error:.1e}", "range of weights": float(np.ptp(true))}

if __name__ == "__main__":
    main()
