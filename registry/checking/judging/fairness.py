"""How often each protected group is favoured, beside the group that is favoured most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from registry.checking.judging.evaluated import Group, Scored, rate
from registry.statistics import wilson_interval

RULE = (
    "Lowest favourable rate by highest, after the four-fifths rule of 29 CFR 1607.4(D). It is an indication and no "
    "finding of discrimination: groups may differ in what the decision rests on."
)


def judge_groups(
    groups: Sequence[Sequence[Group]], candidate: Scored, live: Scored | None, thresholds: Mapping[str, float]
) -> tuple[list[dict[str, Any]], list[str]]:
    """For each protected input the rates of its groups and the ratio of the lowest favourable rate to the highest; and
    what is wrong with them. Groups with too few rows are shown and not judged; a regression favours nobody.
    """
    shown, problems = [], []
    for feature in groups:
        if not feature:
            continue
        rates = [_rates(group, candidate, live, thresholds) for group in feature]
        judged = [each for each in rates if each["judged"]]
        ratio = _ratio(judged)
        first = feature[0]
        shown.append({"feature": first.feature, "title": first.title, "ratio": ratio, "groups": rates})
        if ratio is not None and ratio < thresholds["min_group_ratio"]:
            problems.append(_words(first.title, judged, ratio, thresholds))
    return shown, problems


def _rates(group: Group, candidate: Scored, live: Scored | None, thresholds: Mapping[str, float]) -> dict[str, Any]:
    rows = int(group.rows.sum())
    adverse = None if candidate.adverse is None else candidate.adverse[group.rows]
    before = None if live is None or live.adverse is None else live.adverse[group.rows]
    favoured = None if adverse is None else int((~adverse).sum())
    return {
        "value": group.value,
        "rows": rows,
        "positive_rate": rate(adverse),
        "live_positive_rate": rate(before),
        "favourable_rate": None if favoured is None else favoured / rows,
        "favourable_interval": None if favoured is None else wilson_interval(favoured, rows),
        "mean": float(candidate.scores[group.rows].mean()),
        "judged": adverse is not None and rows >= thresholds["min_group_rows"],
    }


def _ratio(judged: Sequence[Mapping[str, Any]]) -> float | None:
    """None where fewer than two groups are judged, or nobody is favoured."""
    rates = [each["favourable_rate"] for each in judged]
    return min(rates) / max(rates) if len(rates) > 1 and max(rates) > 0 else None


def _words(title: str, judged: Sequence[Mapping[str, Any]], ratio: float, thresholds: Mapping[str, float]) -> str:
    lowest, highest = (pick(judged, key=lambda each: each["favourable_rate"]) for pick in (min, max))
    first, second = (f"{each['value']} {each['favourable_rate']:.1%}" for each in (lowest, highest))
    limit = f"at least {thresholds['min_group_ratio']:g}"
    return f"“{title}”: favourable rate {first} against {second}, a ratio of {ratio:.2f}; {limit} is wanted"
