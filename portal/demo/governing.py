"""The demo's bank says who it is, classifies its mortgage system, and fills in its registration as far as it can.

It has no declaration of conformity and no instructions for use, and its country is no Member State: these stay missing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils import timezone

import registry.classification.services as classifying
from portal.accounts.access import Actor
from registry.classification.queries import newest_of, organisation, registration_of
from registry.models import System
from registry.practices import PRACTICES

BANK: dict[str, Any] = {
    "name": "Countersign Demo Bank",
    "address": "Market Square 1\n12345 Demotown",
    "email": "compliance@demo-bank.example",
    "phone": "",
    "identifier": "",
    "representative": "",
    "member_states": [],
    "size": "large",
    "is_financial_institution": True,
    "is_public_body": False,
}
NOTES = {
    "b": "It grants or denies; no price or offer depends on it.",
    "c": "A score is about one application, and used for nothing else.",
    "d": "It estimates whether an application is denied, nothing about offences.",
}
ANSWERS: dict[str, Any] = {
    "role": "both",
    "takeover": None,
    "annex_iii_point": "5(b)",
    "product_law": "",
    "profiles": True,
    "exit_condition": None,
    "exit_assessment": "",
    "circumstances": ["decides", "personal_data"],
    "practices": {letter: {"found": False, "note": NOTES.get(letter, "")} for letter in PRACTICES},
    "redesigned_on": None,
}
WHY = (
    "It scores the credit of people for our own loans: we built it and we use it. A score evaluates what an applicant"
    " earns, owes and has paid, which is profiling, so the exit of Art. 6(3) is closed to us."
)
REGISTRATION = {
    "functions": (
        "A model that scores an application, a threshold that makes it an answer, the gateway that records each"
        " decision, and pages on which people explain, review and overturn them."
    ),
    "logic": (
        "From what the applicant states and the credit register the model estimates the probability that the"
        " application is denied. From 0.5 on the answer is “deny”, below it “grant”."
    ),
    "supply_forms": "A service for the bank's own loan desk; nobody else is supplied.",
    "hardware": "One server without graphics processors.",
    "integrations": "The loan desk's program sends applications and shows the answer. No other AI system takes part.",
}


def govern(system: System, clara: Actor, say: Callable[[str], None]) -> None:
    """Clara does what is left of it."""
    now = timezone.now()
    asked: dict[str, Any] = {"actor": clara, "expected_revision": 0, "now": now}
    if organisation() is None:
        classifying.describe_organisation(facts=BANK, reason="Who we are.", **asked)
    if newest_of(system) is None:
        answers = {**ANSWERS, "first_used_on": now.date()}
        made = classifying.classify_system(system=system, answers=answers, reason=WHY, **asked)
        say(f"classified by Clara: {made.get_risk_class_display()}, Annex III point {made.annex_iii_point}")
    if registration_of(system) is None:
        reason = "What we can say by now; declaration and instructions for use are still to be written."
        classifying.describe_registration(system=system, facts=REGISTRATION, reason=reason, **asked)
