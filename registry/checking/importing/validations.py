"""Validations of the training data: results of Great Expectations 1.x and failure cases of pandera. Pure.

Only what was expected and how often it failed is kept: the values that failed are people's data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from registry.checking.findings import Finding, judged

GATE = "data_quality"
MAX_LISTED = 50
# As many failures as a sentence names.
_NAMED = 5


class ValidationInvalid(ValueError):
    """What was sent is no validation result that we know; the message says what is missing."""


def judge(payload: Mapping[str, Any], thresholds: Mapping[str, float]) -> Finding:
    """Passed or failed by what the tool found; `ValidationInvalid` for what is neither tool's result."""
    if "failure_cases" in payload:
        return _pandera(payload, thresholds)
    if "results" in payload and "success" in payload:
        return _great_expectations(payload, thresholds)
    raise ValidationInvalid("send a validation result of Great Expectations 1.x, or failure_cases of pandera")


def _great_expectations(payload: Mapping[str, Any], thresholds: Mapping[str, float]) -> Finding:
    results = payload["results"]
    if not isinstance(results, list) or not results or not all(isinstance(item, Mapping) for item in results):
        raise ValidationInvalid("results must be a list of at least one expectation's result")
    suite = _name(payload, "suite_name")
    failed = [_expectation(item) for item in results if item.get("success") is not True]
    problems = [_failures([_said(item) for item in failed])] if failed else []
    if payload["success"] is not True and not failed:
        problems = ["the result says that it failed, though every expectation in it held"]
    meta = payload.get("meta")
    figures = {
        "tool": "Great Expectations",
        "tool_version": str(meta.get("great_expectations_version", ""))[:40] if isinstance(meta, Mapping) else "",
        "suite": suite,
        "expectations": len(results),
        "failed": failed[:MAX_LISTED],
        "failed_count": len(failed),
    }
    good = f"All {len(results)} expectations of {suite} held (Great Expectations)"
    return judged(GATE, problems, good, figures, thresholds)


def _expectation(item: Mapping[str, Any]) -> dict[str, Any]:
    said, result = item.get("expectation_config"), item.get("result")
    config = said if isinstance(said, Mapping) else {}
    figures = result if isinstance(result, Mapping) else {}
    arguments = config.get("kwargs")
    column = arguments.get("column", "") if isinstance(arguments, Mapping) else ""
    kept = {name: figures[name] for name in ("element_count", "unexpected_count") if _is_count(figures.get(name))}
    kind = config.get("type") or config.get("expectation_type") or "an expectation"
    return {"expectation": str(kind)[:120], "column": str(column)[:120], "is_evaluated": bool(kept), **kept}


def _said(item: Mapping[str, Any]) -> str:
    name = f"{item['expectation']}({item['column']})" if item["column"] else str(item["expectation"])
    if not item["is_evaluated"]:
        return f"{name} could not be evaluated"
    return f"{name} in {item.get('unexpected_count', '?')} of {item.get('element_count', '?')} rows"


def _pandera(payload: Mapping[str, Any], thresholds: Mapping[str, float]) -> Finding:
    cases, rows = payload["failure_cases"], payload.get("rows")
    if not isinstance(cases, list) or not all(isinstance(case, Mapping) and "check" in case for case in cases):
        raise ValidationInvalid("failure_cases must be a list of records with a check (pandera's SchemaErrors)")
    if not _is_count(rows) or not rows:
        raise ValidationInvalid("rows must say how many rows were validated")
    schema = _name(payload, "schema")
    counted = Counter((str(case["check"])[:120], str(case.get("column") or "")[:120]) for case in cases)
    failed = [{"check": check, "column": column, "cases": cases} for (check, column), cases in counted.most_common()]
    said = [f"{item['check']} of {item['column'] or 'the table'}: {item['cases']}" for item in failed]
    figures = {
        "tool": "pandera",
        "suite": schema,
        "rows": rows,
        "failed": failed[:MAX_LISTED],
        "failed_count": len(failed),
        "cases": len(cases),
    }
    good = f"All {rows} rows hold to the schema {schema} (pandera)"
    return judged(GATE, [_failures(said)] if failed else [], good, figures, thresholds)


def _failures(said: list[str]) -> str:
    more = f", and {len(said) - _NAMED} more" if len(said) > _NAMED else ""
    return f"{len(said)} failed: {', '.join(said[:_NAMED])}{more}"


def _name(payload: Mapping[str, Any], key: str) -> str:
    name = payload.get(key)
    if not isinstance(name, str) or not 0 < len(name) <= 255:
        raise ValidationInvalid(f"{key} must be text of 1 to 255 characters")
    return name


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
