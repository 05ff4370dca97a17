"""An answer to other values as the page shows it, beside the report's. Pure."""

from __future__ import annotations

from typing import Any

from explain.charts import SCALES, Names, contribution_rows, shap_plot
from registry.scoring.manifest import Manifest

MOST_ROWS = 8


def outcome_context(
    answer: dict[str, Any], report: dict[str, Any], changed: list[str], spec: Manifest
) -> dict[str, Any]:
    """Score and label then and now, and the pushes that moved most, in the scale in which people read them."""
    names, scale = Names(spec), SCALES[answer["output_space"]]
    same_space = report["shap"] and report["output_space"] == answer["output_space"]
    before = {item["feature"]: item["contribution"] for item in report["shap"]["contributions"]} if same_space else {}
    rows = contribution_rows(answer["contributions"], answer["output_space"], names)
    for row in rows:
        row["before"] = before[row["feature"]] * scale.factor if row["feature"] in before else None
        row["is_changed"] = row["feature"] in changed
    moved = sorted(rows, key=lambda row: (not row["is_changed"], -abs(row["push"] - (row["before"] or 0.0))))
    recorded = report["replay"]["recomputed"]
    return {
        "answer": answer,
        "before": {"score": recorded, "label": spec.output.label(recorded)},
        "rows": moved[: max(MOST_ROWS, len(changed))],
        "is_value": answer["threshold"] is None,
        "turned": answer["label"] != spec.output.label(recorded),
        "changed": [names.told(name) for name in changed],
        "scale": scale,
        "plot": shap_plot(answer, names, spec),
    }
