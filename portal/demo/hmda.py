"""The Boston mortgage data of the demo as a manifest describes it. Plain data; source in `hmda.md`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

HMDA_CSV = Path(__file__).with_name("hmda.csv")
HMDA_TARGET = "deny"

_YES_NO = ["no", "yes"]

HMDA_INPUTS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": [
        "pirat", "hirat", "lvrat", "chist", "mhist", "phist", "unemp",
        "selfemp", "insurance", "condomin", "single", "hschool",
    ],
    "properties": {
        "pirat": {
            "type": "number", "minimum": 0, "maximum": 3,
            "title": "Debt payments to income",
            "description": "All monthly debt payments divided by monthly income; 0.35 means 35 %.",
            "x-personal": True, "x-actionable": True, "x-monotone": 1,
        },
        "hirat": {
            "type": "number", "minimum": 0, "maximum": 3,
            "title": "Housing costs to income",
            "description": "Monthly housing expense divided by monthly income; 0.25 means 25 %.",
            "x-personal": True, "x-actionable": True,
        },
        "lvrat": {
            "type": "number", "minimum": 0, "maximum": 2,
            "title": "Loan to property value",
            "description": "Size of the loan divided by the assessed value of the property.",
            "x-personal": True, "x-actionable": True, "x-monotone": 1,
        },
        "chist": {
            "type": "integer", "minimum": 1, "maximum": 6,
            "title": "Credit history (1 good to 6 bad)",
            "description": "Consumer credit: 1 no slow payments, 6 serious arrears.",
            "x-personal": True, "x-actionable": False, "x-monotone": 1,
        },
        "mhist": {
            "type": "integer", "minimum": 1, "maximum": 4,
            "title": "Mortgage history (1 good to 4 bad)",
            "description": "Mortgage payments: 1 none late, 4 more than two late.",
            "x-personal": True, "x-actionable": False, "x-monotone": 1,
        },
        "phist": {
            "enum": _YES_NO, "title": "Bad credit on public record",
            "description": "Bankruptcy, charge-off or collection action on public record.",
            "x-personal": True, "x-actionable": False,
        },
        "unemp": {
            "type": "number", "minimum": 0, "maximum": 100, "x-unit": "%",
            "title": "Unemployment in the industry",
            "x-personal": False, "x-actionable": False,
        },
        "selfemp": {"enum": _YES_NO, "title": "Self-employed", "x-personal": True, "x-actionable": False},
        "insurance": {
            "enum": _YES_NO, "title": "Was refused mortgage insurance",
            "x-personal": True, "x-actionable": False,
        },
        "condomin": {
            "enum": _YES_NO, "title": "The property is a condominium",
            "x-personal": True, "x-actionable": False,
        },
        "afam": {
            "enum": _YES_NO, "title": "African-American",
            "description": "Protected. Kept to measure fairness; no model of the demo reads it.",
            "x-personal": True, "x-actionable": False, "x-protected": True,
        },
        "single": {"enum": _YES_NO, "title": "Not married", "x-personal": True, "x-actionable": False},
        "hschool": {
            "enum": _YES_NO, "title": "Has a high-school diploma",
            "x-personal": True, "x-actionable": False,
        },
    },
}  # fmt: skip

# The target says whether the application was denied: yes is the adverse label.
HMDA_OUTPUT: dict[str, Any] = {"labels": ["grant", "deny"], "adverse_label": "deny", "threshold": 0.5}
HMDA_LABELS = {"no": "grant", "yes": "deny"}

# What the demo's models read: everything but the protected input.
HMDA_READ: tuple[str, ...] = tuple(name for name in HMDA_INPUTS["properties"] if name != "afam")
