"""A made-up case that has everything a letter can speak of: a template is looked at with it. Pure."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from explain.letters.values import Facts
from registry.scoring.manifest import Manifest

SENDER = "(Example) The Lender\nMarket Square 1\n12345 Town"
RECIPIENT = "(Example) Alex Applicant\nLong Street 2\n12345 Town"
_SPEC = Manifest.parse(
    {
        "model": {"format": "onnx", "task": "binary_classification"},
        "inputs": {
            "type": "object",
            "additionalProperties": False,
            "required": ["payments", "record", "age"],
            "properties": {
                "payments": {"type": "number", "title": "Payments to income", "x-actionable": True},
                "record": {"enum": ["no", "yes"], "title": "Public bad credit record"},
                "age": {"type": "integer", "title": "Age", "x-protected": True},
            },
        },
        "output": {"labels": ["grant", "deny"], "adverse_label": "deny", "threshold": 0.5},
    }
)
_REPORT: dict[str, Any] = {
    "shap": {
        "contributions": [
            {"feature": "payments", "value": 0.62, "contribution": 2.0, "share": 0.55},
            {"feature": "record", "value": "yes", "contribution": 1.2, "share": 0.33},
            {"feature": "age", "value": 61, "contribution": 0.4, "share": 0.12},
        ]
    },
    "agreement": {"verdict": "disagree"},
    "background": {"rows": 1000},
    "counterfactuals": [
        {"changes": [{"feature": "payments", "from": 0.62, "to": 0.3}], "score": 0.31, "label": "grant"}
    ],
}


def sample_facts(kind: str, today: date) -> Facts:
    """The made-up case; its ruling is of that kind of letter."""
    changed = kind == "changed"
    return Facts(
        case=123,
        today=today,
        received=today - timedelta(days=20),
        decided_on=today - timedelta(days=35),
        ruled_on=today - timedelta(days=1),
        outcome="corrected" if changed else "upheld",
        answer_before="deny",
        answer_now="grant" if changed else "deny",
        grounds="(Example) Here stand the grounds of the person who decided.",
        system="Mortgage lending",
        purpose="Helps to decide whether a mortgage is granted.",
        department="Lending",
        version=1,
        score=0.81,
        sender=SENDER,
        contact="disputes@lender.example",
        authority="The supervisory authority, Capital Street 3",
        spec=_SPEC,
        report=_REPORT,
        corrected=("payments",) if changed else (),
    )
