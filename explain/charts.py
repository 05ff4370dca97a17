"""A report as the explanation's page shows it: data for the charts, rows for the tables. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from registry.scoring.manifest import Manifest

# More bars than that are not read; the table beside them has every input.
MOST_BARS = 9


@dataclass(frozen=True)
class Scale:
    """How contributions are told: times `factor`, with so many `digits`.

    `unit` is the plot's, `short` follows a number, `words` say what it is.
    """

    factor: float
    digits: int
    unit: str
    short: str
    words: str


SCALES = {
    # The convention of scorecards: 20 points double the odds.
    "log_odds": Scale(20 / math.log(2), 0, "points", "points", "points: 20 more double the odds of the adverse answer"),
    "probability": Scale(
        100.0, 1, "probability", "percentage points", "percentage points of the adverse answer's probability"
    ),
    "value": Scale(1.0, 3, "raw", "", "units of the model's answer"),
}

# The parts of a report as a reader knows them, at the beginning of a line.
PARTS = {
    "load": "While the model was loaded",
    "replay": "The replay",
    "shap": "What each input did (SHAP)",
    "lime": "The second method (LIME)",
    "agreement": "The comparison of both methods",
    "counterfactuals": "What would have changed the answer",
    "cases": "The nearest accepted cases",
}


def report_context(report: dict[str, Any], spec: Manifest) -> dict[str, Any]:
    """Titles beside names, plots as plain data, and the words for the output space."""
    names = Names(spec)
    recomputed = report["replay"]["recomputed"]
    return {
        "shap_rows": _shap_rows(report, names),
        "lime_rows": _lime_rows(report, names.titles),
        "shap_plot": shap_plot(report["shap"] and {**report, **report["shap"]}, names, spec),
        "lime_plot": _lime_plot(report, names.titles, spec),
        "alternatives": [_alternative(item, names.titles) for item in report["counterfactuals"]],
        "cases": [_case(item, names) for item in report.get("cases", ())],
        "needed": [names.told(name) for name in (report.get("reference") or {}).get("needed", ())],
        "problems": [_problem(words) for words in report.get("problems", ())],
        "adverse_label": spec.output.adverse_label or "a higher value",
        "favourable_label": spec.output.favourable_label or "a lower value",
        "is_value": report["output_space"] == "value",
        "is_adverse": None not in (report["threshold"], recomputed) and recomputed >= report["threshold"],
        "scale": SCALES[report["output_space"]],
        "from_line": _from_line(report),
    }


class Names:
    """Inputs by their titles."""

    def __init__(self, spec: Manifest) -> None:
        self.titles = {feature.name: feature.title for feature in spec.inputs.features}
        self.protected = {feature.name for feature in spec.inputs.features if feature.protected}

    def told(self, name: str) -> dict[str, Any]:
        """An input as a page names it."""
        return {"title": self.titles.get(name, name), "protected": name in self.protected}


def _from_line(report: dict[str, Any]) -> dict[str, float] | None:
    """Start and answer as seen from the decision's line, in the contributions' scale, and how far away they are."""
    reference = report.get("reference")
    if not reference:
        return None
    factor = SCALES[report["output_space"]].factor
    start, answer = -reference["start_to_line"] * factor, reference["line_to_answer"] * factor
    return {"start": start, "answer": answer, "start_far": abs(start), "answer_far": abs(answer)}


def _problem(words: str) -> str:
    """Which part it was, in the reader's words, and what happened to it."""
    stage, _, rest = words.partition(": ")
    return f"{PARTS.get(stage, stage)}: {rest}" if rest else words


def _shap_rows(report: dict[str, Any], names: Names) -> list[dict[str, Any]]:
    shap = report["shap"]
    if not shap:
        return []
    return contribution_rows(shap["contributions"], report["output_space"], names)


def contribution_rows(contributions: list[dict[str, Any]], space: str, names: Names) -> list[dict[str, Any]]:
    """Contributions with titles, `push` and `error` in the scale in which people read them."""
    factor = SCALES[space].factor
    return [
        {
            **item,
            **names.told(item["feature"]),
            "push": item["contribution"] * factor,
            "error": item["standard_error"] * factor if item.get("standard_error") else None,
        }
        for item in contributions
    ]


def _lime_rows(report: dict[str, Any], titles: dict[str, str]) -> list[dict[str, Any]]:
    lime = report["lime"]
    if not lime:
        return []
    rows = [{**item, "title": titles.get(item["feature"], item["feature"])} for item in lime["contributions"]]
    for row in rows:
        row["where"] = _where(row["condition"], row["feature"])
    return sorted(rows, key=lambda row: -abs(row["weight"]))


def shap_plot(answer: dict[str, Any] | None, names: Names, spec: Manifest) -> dict[str, Any] | None:
    """Bars from start to answer. In points the line is zero; as a probability it stands where it is.

    `answer` has output_space, threshold, reference, base_value, prediction and contributions.
    """
    if not answer:
        return None
    scale, seen = SCALES[answer["output_space"]], _from_line(answer)
    items = _longest(answer["contributions"], names.titles)
    ends = {"base": answer["base_value"], "prediction": answer["prediction"]}
    plot = {"unit": scale.unit, **_directions(spec), "items": items}
    if scale.unit != "points":
        line = {} if answer["threshold"] is None else {"line": answer["threshold"]}
        return {**plot, **ends, **line}
    for item in items:
        item["contribution"] *= scale.factor
    if seen is None:
        return {**plot, **{name: value * scale.factor for name, value in ends.items()}}
    return {**plot, "base": seen["start"], "prediction": seen["answer"], "line": 0.0}


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


def _case(item: dict[str, Any], names: Names) -> dict[str, Any]:
    differences = [{**each, **names.told(each["feature"])} for each in item["differences"]]
    return {**item, "differences": differences}


def _directions(spec: Manifest) -> dict[str, str]:
    towards = spec.output.adverse_label or "a higher value"
    return {"towards": towards, "away": spec.output.favourable_label or "a lower value"}


def _alternative(item: dict[str, Any], titles: dict[str, str]) -> dict[str, Any]:
    changes = [{**change, "title": titles.get(change["feature"], change["feature"])} for change in item["changes"]]
    return {**item, "changes": changes}
