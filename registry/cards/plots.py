"""Scores and rates as `components/plot.html` draws them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def scores_plot(distributions: Sequence[tuple[str, Mapping[str, Any]]], threshold: float | None) -> dict[str, Any]:
    """How scores are spread, one series for each (name, distribution); the first is drawn as the reference."""
    return {
        "axis": "score",
        "series": [{"name": name, **spread["histogram"]} for name, spread in distributions],
        "marks": [{"at": threshold, "label": "threshold"}] if threshold is not None else [],
    }


def scores_rows(distributions: Sequence[tuple[str, Mapping[str, Any]]]) -> list[list[Any]]:
    """The same as rows: name, mean, five quantiles, adverse rate."""
    return [
        [
            name,
            *(f"{value:.4f}" for value in (spread["mean"], *spread["quantiles"].values())),
            _percent(spread.get("positive_rate")),
        ]
        for name, spread in distributions
    ]


def group_rows(groups: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each protected feature with its groups: rows, adverse rate, and the rate of the live version on the same rows."""
    return [
        {
            **feature,
            "rows": [
                {**group, "rate": _percent(group["positive_rate"]), "live": _percent(group.get("live_positive_rate"))}
                for group in feature["groups"]
            ],
        }
        for feature in groups
    ]


def rates_plot(groups: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Adverse rates of every group of every protected feature, as points."""
    items = [
        {"name": f"{feature['title']}: {group['value']}", "rate": group["positive_rate"], "n": group["rows"]}
        for feature in groups
        for group in feature["groups"]
        if group["positive_rate"] is not None
    ]
    return {"axis": "share with the adverse answer", "items": items}


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f}\u00a0%"
