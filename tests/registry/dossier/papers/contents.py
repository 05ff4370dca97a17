"""A dossier's content made by hand: every point of the law, every state, and what people may write into it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LAW = Path(__file__).parents[4] / "registry" / "dossier" / "law" / "2026-07-27.json"
AT = "2026-11-27T20:15:00Z"
MARKDOWN = """# Why these metrics

The **ROC AUC** ranks people; *the threshold* decides (`score >= 0.5`). See [the rule](https://example.org/rule) and
[the page](/systems/mortgage/).

- first
  1. nested
- second

> Quoted.

```
{"a": 1}
```

| metric | value |
|---|---|
| Brier | 0.09 |

<script>alert(1)</script> #set text(red) $x^2$ @ref
"""
SIGNED = {
    "number": 3,
    "state": "complete",
    "content_sha256": "c" * 64,
    "proposed_by": "clara",
    "proposed_at": "2026-11-27T20:20:00+00:00",
    "gaps": [{"item": "annex-iv.8", "ref": "Annex IV(8)", "title": "Copy", "state": "missing"}],
    "reason": "The declaration follows once the system is placed on the market.",
    "end_reason": "",
    "signatures": [
        {"name": "clara", "role": "compliance", "statement": "Complete.", "signed_at": "2026-11-27T20:30:00+00:00"},
        {"name": "lena", "role": "ml_lead", "statement": "", "signed_at": "2026-11-27T20:40:00+00:00"},
    ],
}


def statement(text: str = MARKDOWN, **changes: Any) -> dict[str, Any]:
    """Somebody's signed text."""
    said = {
        "kind": "statement",
        "text": text,
        "sha256": "0" * 64,
        "reason": "",
        "author": "lena",
        "signed_at": AT,
        "revision": 2,
        "for_all_versions": False,
    }
    return {**said, **changes}


def content(**changes: Any) -> dict[str, Any]:
    """The content of a dossier: `changes` are by the id of a point."""
    law = json.loads(LAW.read_bytes())
    signed = "Signed by %(author)s on %(day)s; the evidence is as it was then."
    filled = "Filled from live evidence; each sentence leads to it."
    bound = {"reason": "The system is no component of a product.", "by": "clara"}
    shaped = {
        "annex-iv.1.a": {
            "state": "statement",
            "statement": statement(),
            **_why(signed, author="lena", day="27 November 2026"),
        },
        "annex-iv.1.b": {"state": "evidence", "facts": [_fact()]},
        "annex-iv.1.c": {"state": "auto", "facts": [_fact(), _fact(count=12_345)], **_why(filled)},
        "annex-iv.1.f": {"state": "not_applicable", **_why("%(reason)s Classified by %(by)s.", **bound)},
        "annex-iv.4": {
            "state": "stale",
            "statement": statement(),
            "shifts": [{"before": "Version 1 was trained.", "after": None}],
            **_why("The evidence changed after %(author)s signed on %(day)s.", author="lena", day="27 November 2026"),
        },
        **changes,
    }
    return {
        "schema": "countersign/dossier/1",
        "made_at": AT,
        "origin": "https://portal.test",
        "regulation": {
            **{name: law[name] for name in ("version", "title", "in_force_from", "groups")},
            "sha256": "1" * 64,
        },
        "system": {
            "slug": "mortgage",
            "name": "Mortgage decisions",
            "purpose": "Prepares decisions on mortgages.",
            "owner": "Lending",
            "risk_class": "high",
            "risk_class_words": "high risk",
            "annex_iii_point": "5(b)",
        },
        "version": {
            "number": 3,
            "state": "live",
            "format": "skops",
            "artifact_sha256": "a" * 64,
            "background_sha256": "b" * 64,
            "evaluation_sha256": None,
            "registered_by": "lena",
            "registered_at": "2026-11-20T09:00:00Z",
        },
        "classification": None,
        "counts": {},
        "items": [{**_item(point), **shaped.get(point["id"], {})} for point in law["requirements"]],
        "incidents": [],
        "trail": {"origin": "countersign.test/log", "key_id": "0badcafe", "size": 12_345, "root": "d" * 64, "at": AT},
    }


def said(**changes: Any) -> bytes:
    """The same as bytes."""
    return json.dumps(content(**changes), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _item(point: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: point[name] for name in ("id", "ref", "title", "asks", "group", "written_by", "mandatory")},
        "condition": point["condition"],
        "note": point.get("note", ""),
        "applicability": {
            "applies": True,
            "reason": "You provide the system and use it.",
            "applies_from": point["applies_from"]["annex_iii"],
            "formal_from": point["applies_from"]["formal_from"],
            "basis": point["applies_from"]["basis"],
            "bound_as": point["applies_to"],
        },
        "state": "missing",
        **_why("There is neither evidence nor a statement."),
        "shifts": [],
        "facts": [],
        "documents": [],
        "statement": None,
        "comments": [],
    }


def _why(words: str, **values: Any) -> dict[str, Any]:
    return {"why": {"words": words, "values": values}}


def _fact(**values: Any) -> dict[str, Any]:
    words = "The system decided %(count)s times in the last %(days)s days."
    return {
        "key": "audit.inference_volume",
        "name": "audit.inference_volume",
        "words": words,
        "values": {"count": 7, "days": 30, **values},
        "as_of": AT,
        "source": "audit",
        "url": "/decisions/?system=mortgage",
        "digest": "e" * 64,
    }
