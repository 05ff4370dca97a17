"""A report as the explanation's page shows it: data for the charts, rows for the tables. Pure."""

from __future__ import annotations

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
        "space_words": SPACE_WORDS.get(report["output_space"], report["output_space"]),
    }


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
        "items": [
            {**item, "title": titles.get(item["feature"], item["feature"]), "value": _short(item["value"])}
            for item in shap["contributions"]
            if item["contribution"]
        ],
    }


def _lime_plot(report: dict[str, Any], titles: dict[str, str], spec: Manifest) -> dict[str, Any] | None:
    rows = _lime_rows(report, titles)
    return {**_directions(spec), "items": rows[:13]} if rows else None


def _short(value: Any) -> Any:
    """A value as an axis has room for: fractions to four significant figures."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _directions(spec: Manifest) -> dict[str, str]:
    towards = spec.output.adverse_label or "a higher value"
    return {"towards": towards, "away": spec.output.favourable_label or "a lower value"}


def _alternative(item: dict[str, Any], titles: dict[str, str]) -> dict[str, Any]:
    changes = [{**change, "title": titles.get(change["feature"], change["feature"])} for change in item["changes"]]
    return {**item, "changes": changes}
