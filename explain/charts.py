"""A report as the explanation's page shows it: data for the charts, rows for the tables. Pure."""

from __future__ import annotations

import re
from typing import Any

from registry.scoring.manifest import Manifest


def report_context(report: dict[str, Any], spec: Manifest) -> dict[str, Any]:
    """Titles beside names, plots as plain data, and the words for the output space."""
    titles = {feature.name: feature.title for feature in spec.inputs.features}
    protected = {feature.name for feature in spec.inputs.features if feature.protected}
    return {
        "shap_rows": _shap_rows(report, titles, protected),
        "lime_rows": _lime_rows(report, titles),
        "shap_plot": _shap_plot(report, titles, spec),
        "lime_plot": _lime_plot(report, titles, spec),
        "alternatives": [_alternative(item, titles) for item in report["counterfactuals"]],
        "adverse_label": spec.output.adverse_label or "a higher value",
        "favourable_label": spec.output.favourable_label or "a lower value",
        "is_value": report["output_space"] == "value",
        "is_adverse": report["threshold"] is not None and report["replay"]["recomputed"] >= report["threshold"],
        "space_words": SPACE_WORDS.get(report["output_space"], report["output_space"]),
    }


# More bars than that are not read; the table beside them has every input.
MOST_BARS = 9

SPACE_WORDS = {
    "log_odds": "log-odds of the adverse answer",
    "probability": "probability of the adverse answer",
    "value": "the model's own unit",
}


def _shap_rows(report: dict[str, Any], titles: dict[str, str], protected: set[str]) -> list[dict[str, Any]]:
    shap = report["shap"]
    if not shap:
        return []
    return [
        {**item, "title": titles.get(item["feature"], item["feature"]), "protected": item["feature"] in protected}
        for item in shap["contributions"]
    ]


def _lime_rows(report: dict[str, Any], titles: dict[str, str]) -> list[dict[str, Any]]:
    lime = report["lime"]
    if not lime:
        return []
    rows = [{**item, "title": titles.get(item["feature"], item["feature"])} for item in lime["contributions"]]
    for row in rows:
        row["where"] = _where(row["condition"], row["feature"])
    return sorted(rows, key=lambda row: -abs(row["weight"]))


def _shap_plot(report: dict[str, Any], titles: dict[str, str], spec: Manifest) -> dict[str, Any] | None:
    shap = report["shap"]
    if not shap:
        return None
    return {
        "base": shap["base_value"],
        "prediction": shap["prediction"],
        "unit": "probability" if report["output_space"] == "probability" else "raw",
        **_directions(spec),
        "items": _longest(shap["contributions"], titles),
    }


def _longest(contributions: list[dict[str, Any]], titles: dict[str, str]) -> list[dict[str, Any]]:
    """The largest contributions as bars, and what is left of them as one: the bars still add up."""
    moving = [item for item in contributions if item["contribution"]]
    # A rest of one input is shown as itself.
    shown = moving if len(moving) == MOST_BARS + 1 else moving[:MOST_BARS]
    bars = [
        {
            "title": titles.get(item["feature"], item["feature"]),
            "value": _short(item["value"]),
            "contribution": item["contribution"],
        }
        for item in shown
    ]
    rest = moving[len(shown) :]
    if rest:
        amount = sum(item["contribution"] for item in rest)
        bars.append({"title": f"{len(rest)} more together", "value": None, "contribution": amount})
    return bars


def _lime_plot(report: dict[str, Any], titles: dict[str, str], spec: Manifest) -> dict[str, Any] | None:
    rows = _lime_rows(report, titles)
    if not rows:
        return None
    items = [{"condition": f"{row['title']}: {row['where']}", "weight": row["weight"]} for row in rows[:MOST_BARS]]
    return {**_directions(spec), "items": items}


def _where(condition: str, name: str) -> str:
    """A condition beside its input's title: `x = yes` → "yes", `1 < x ≤ 2` → "above 1, ≤ 2", `x > 3` → "> 3"."""
    found = re.fullmatch(rf"(?:(\S+) (<|≤) )?{re.escape(name)} (.+)", condition)
    if found is None:
        return condition
    bound, sign, rest = found.groups()
    rest = rest.replace(" ", "\u00a0", 1) if rest[0] in "<>≤≥" else rest
    if bound is None:
        return rest.removeprefix("= ")
    return f"{'above' if sign == '<' else 'from'} {bound}, {rest}"


def _short(value: Any) -> Any:
    """A value as an axis has room for: fractions to four significant figures."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _directions(spec: Manifest) -> dict[str, str]:
    towards = spec.output.adverse_label or "a higher value"
    return {"towards": towards, "away": spec.output.favourable_label or "a lower value"}


def _alternative(item: dict[str, Any], titles: dict[str, str]) -> dict[str, Any]:
    changes = [{**change, "title": titles.get(change["feature"], change["feature"])} for change in item["changes"]]
    return {**item, "changes": changes}
