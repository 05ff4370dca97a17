"""What one case puts into a letter: the placeholders' values, and the same for machines. Pure.

Reasons and changes come from the explanation of the very version that decided. Of other people there is nothing but
their number. A protected characteristic is never a reason among others: where the model used one, the letter has
`{protected}` to say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from explain.letters.languages import Language
from explain.letters.templating import Values
from explain.telling import Wording, principal, protected_in, protected_used
from registry.scoring.manifest import Manifest

MOST_CHANGES = 2


@dataclass(frozen=True)
class Facts:
    """All that a letter may speak of."""

    case: int
    today: date
    received: date
    decided_on: date
    ruled_on: date
    outcome: str
    answer_before: str
    answer_now: str
    grounds: str
    system: str
    purpose: str
    department: str
    version: int | None
    score: float | None
    sender: str
    contact: str
    authority: str
    spec: Manifest | None = None
    report: Mapping[str, Any] | None = None
    corrected: tuple[str, ...] = ()
    wording: Mapping[str, Wording] = field(default_factory=dict)


def values_of(facts: Facts, language: Language) -> Values:
    """The values of every placeholder that this case has."""
    reasons = _reasons(facts, language)
    figure = [_bar(reason, language) for reason in reasons]
    blocks: dict[str, list[dict[str, Any]]] = {
        "grounds": [{"kind": "paragraph", "text": text} for text in _paragraphs(facts.grounds)],
        "reasons": [{"kind": "list", "items": [reason["sentence"] for reason in reasons]}] if reasons else [],
        "figure": [{"kind": "bars", "rows": figure}] if figure else [],
        "changes": _changes_block(facts, language),
    }
    flags = {
        "answered": facts.score is not None,
        "changed": facts.answer_now != facts.answer_before,
        "overturned": facts.outcome == "overturned",
        "corrected": facts.outcome == "corrected",
        "disagreement": bool(reasons) and _disagree(facts.report),
    }
    return Values(_inline(facts, language), blocks, frozenset(name for name, holds in flags.items() if holds))


def for_machines(facts: Facts, language: Language) -> dict[str, Any]:
    """What the letter says of the decision, as the JSON that is embedded in it."""
    keep = ("feature", "value", "share", "title")
    return {
        "case": facts.case,
        "system": facts.system,
        "version": facts.version,
        "outcome": facts.outcome,
        "answer_before": facts.answer_before,
        "answer_now": facts.answer_now,
        "score": facts.score,
        "threshold": facts.spec.output.threshold if facts.spec else None,
        "reasons": [{name: reason[name] for name in keep} for reason in _reasons(facts, language)],
        "protected": protected_used(facts.report, facts.spec),
        "changes": [item["changes"] for item in _changes(facts)],
        "corrected": list(facts.corrected),
    }


def _inline(facts: Facts, language: Language) -> dict[str, str]:
    output = facts.spec.output if facts.spec else None
    background = (facts.report or {}).get("background") or {}
    is_classifier = output is not None and output.threshold is not None
    values = {
        "case": language.case.format(number=facts.case),
        "today": language.date(facts.today),
        "received": language.date(facts.received),
        "decided_on": language.date(facts.decided_on),
        "ruled_on": language.date(facts.ruled_on),
        "system": facts.system,
        "purpose": facts.purpose,
        "department": facts.department,
        "answer_before": facts.answer_before,
        "answer_now": facts.answer_now,
        "sender": facts.sender,
        "contact": facts.contact,
        "authority": facts.authority,
        "corrected_data": language.listed([_title(facts, name) for name in facts.corrected]),
        "protected": language.listed([_title(facts, name) for name in protected_used(facts.report, facts.spec)]),
    }
    if facts.spec:
        titles = [_title(facts, feature.name) for feature in facts.spec.inputs.features]
        values["data"] = language.listed(titles)
        values["adverse"] = output.adverse_label or "" if output else ""
    if facts.score is not None:
        rounded = float(f"{facts.score:.5g}")
        values["score"] = language.percent(facts.score) if is_classifier else language.number(rounded)
    if output and output.threshold is not None:
        values["threshold"] = language.percent(output.threshold)
    if background.get("rows"):
        values["compared_with"] = language.number(background["rows"])
    return values


def _reasons(facts: Facts, language: Language) -> list[dict[str, Any]]:
    """The principal reasons, the strongest first; by name where the methods disagree about their order."""
    if facts.spec is None:
        return []
    told, total = principal(facts.report, facts.spec)
    if _disagree(facts.report):
        told = sorted(told, key=lambda item: _title(facts, item["feature"]))
    return [
        {
            "feature": item["feature"],
            "value": item["value"],
            "share": abs(item["contribution"]) / total,
            "title": _title(facts, item["feature"]),
            "sentence": _sentence(facts, item, language),
        }
        for item in told
    ]


def _sentence(facts: Facts, item: Mapping[str, Any], language: Language) -> str:
    value = language.value(item["value"], _unit(facts, item["feature"]))
    wording = facts.wording.get(item["feature"])
    sentence = f"{_title(facts, item['feature'])}: {value}."
    if wording and wording.sentence:
        sentence = wording.sentence.replace("{value}", value)
    if facts.spec is None or facts.spec.output.threshold is not None:
        return sentence
    return f"{sentence} {language.raised if item['contribution'] > 0 else language.lowered}"


def _bar(reason: Mapping[str, Any], language: Language) -> dict[str, Any]:
    share = reason["share"]
    return {"title": reason["title"], "share": round(share * 100, 1), "words": language.percent(share)}


def _changes(facts: Facts) -> list[Mapping[str, Any]]:
    barred = protected_in(facts.spec) if facts.spec else set()
    found = (facts.report or {}).get("counterfactuals") or []
    fair = [item for item in found if not any(change["feature"] in barred for change in item["changes"])]
    return fair[:MOST_CHANGES]


def _changes_block(facts: Facts, language: Language) -> list[dict[str, Any]]:
    items = []
    for item in _changes(facts):
        told = [
            language.change.format(
                title=_title(facts, change["feature"]),
                before=language.value(change["from"], _unit(facts, change["feature"])),
                after=language.value(change["to"], _unit(facts, change["feature"])),
            )
            for change in item["changes"]
        ]
        items.append(language.otherwise.format(changes=language.listed(told), answer=item["label"]))
    return [{"kind": "list", "items": items}] if items else []


def _disagree(report: Mapping[str, Any] | None) -> bool:
    return ((report or {}).get("agreement") or {}).get("verdict") == "disagree"


def _title(facts: Facts, name: str) -> str:
    if name in facts.wording:
        return facts.wording[name].title
    feature = facts.spec.inputs.by_name.get(name) if facts.spec else None
    return feature.title if feature else name


def _unit(facts: Facts, name: str) -> str:
    feature = facts.spec.inputs.by_name.get(name) if facts.spec else None
    return feature.unit if feature else ""


def _paragraphs(text: str) -> list[str]:
    return [part.strip() for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]
