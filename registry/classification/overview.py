"""The law's duties by article, with what each is called: the first look at what binds a system. Pure.

The dossier goes through them point by point; here are the heads, judged by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from registry.classification.duties import Applicability, applicability
from registry.classification.facts import Classification

_HIGH = {"annex_iii": "2027-12-02", "annex_i": "2028-08-02"}
_ANNEX_III = {"annex_iii": "2027-12-02", "annex_i": None}
_READ = {**_HIGH, "basis": "reading"}
_READ_III = {**_ANNEX_III, "basis": "reading"}
_SINCE_2025 = dict.fromkeys(("annex_iii", "annex_i", "others"), "2025-02-02")
_SINCE_JULY = dict.fromkeys(("annex_iii", "annex_i", "others"), "2026-07-27")
_SINCE_AUGUST = dict.fromkeys(("annex_iii", "annex_i", "others"), "2026-08-02")

# Id, how it is cited, what it is about, whom it binds, from when.
DUTIES = (
    ("art-4", "Art. 4", "Support AI literacy", "both", _SINCE_2025),
    ("art-5", "Art. 5", "No prohibited practice", "both", _SINCE_2025),
    ("art-4a", "Art. 4a", "Conditions for sensitive data against bias", "both", _SINCE_JULY),
    ("art-6.4", "Art. 6(4)", "Document why the system is not high-risk", "provider", _ANNEX_III),
    ("art-9", "Art. 9", "Manage risks, all its life", "provider", _HIGH),
    ("art-10", "Art. 10", "Govern the data", "provider", _HIGH),
    ("annex-iv", "Art. 11, Annex IV", "Technical documentation", "provider", _HIGH),
    ("art-12", "Art. 12, 19", "Log events, and keep the logs", "provider", _HIGH),
    ("art-13", "Art. 13", "Instructions for use", "provider", _HIGH),
    ("art-14", "Art. 14", "Make human oversight possible", "provider", _HIGH),
    ("art-15", "Art. 15", "Accuracy, robustness, cybersecurity", "provider", _HIGH),
    ("art-17.1.a", "Art. 17(1), without (g)–(i)", "Quality management", "provider", _HIGH),
    ("art-17.1.g", "Art. 17(1)(g)–(i)", "Quality management: risks, monitoring, incidents", "provider", _HIGH),
    ("art-18", "Art. 18", "Keep the documentation for ten years", "provider", _HIGH),
    ("art-20", "Art. 20", "Correct, withdraw, inform", "provider", _HIGH),
    ("art-22", "Art. 22", "Authorised representative", "provider", _HIGH),
    ("art-26", "Art. 26", "Use it as instructed, with competent people, and watch it", "deployer", _HIGH),
    ("art-26.7", "Art. 26(7)", "Tell workers before it is used on them", "deployer", _HIGH),
    ("art-26.8", "Art. 26(8)", "Use no system that is not registered", "deployer", _ANNEX_III),
    ("art-26.11", "Art. 26(11)", "Tell people that it is used in decisions about them", "deployer", _ANNEX_III),
    ("art-27", "Art. 27", "Assess the impact on fundamental rights", "deployer", _ANNEX_III),
    ("art-43", "Art. 43", "Assess conformity", "provider", _READ),
    ("art-47", "Art. 47, Annex V", "Declare conformity", "provider", _READ),
    ("art-48", "Art. 48", "CE marking", "provider", _READ),
    ("annex-viii.a", "Art. 49(1), Annex VIII A", "Register the system", "provider", _READ_III),
    ("annex-viii.b", "Art. 49(2), Annex VIII B", "Register that it is not high-risk", "provider",
     {**_ANNEX_III, "basis": "unsettled"}),
    ("annex-viii.c", "Art. 49(3), Annex VIII C", "Register its use", "deployer", _READ_III),
    ("art-50.1", "Art. 50(1)", "Say that people deal with AI", "provider", _SINCE_AUGUST),
    ("art-50.2", "Art. 50(2)", "Mark what is generated", "provider", _SINCE_AUGUST),
    ("art-50.3", "Art. 50(3)", "Tell people whose emotions or traits are sensed", "deployer", _SINCE_AUGUST),
    ("art-50.4", "Art. 50(4)", "Disclose deep fakes and generated texts", "deployer", _SINCE_AUGUST),
    ("art-72", "Art. 72", "Monitor after release, by a plan", "provider", _READ),
    ("art-73", "Art. 73", "Report serious incidents", "provider", _READ),
    ("art-75.1a", "Art. 75(1a)", "Report incidents to the AI Office", "provider", _READ),
    ("art-86", "Art. 86", "Explain decisions to those who ask", "deployer", _READ_III),
)  # fmt: skip


@dataclass(frozen=True)
class Duty:
    """One head with its judgement."""

    ref: str
    title: str
    is_for: str
    said: Applicability


def duties_of(c: Classification) -> Iterator[Duty]:
    """Every duty, and whether it binds."""
    for item, ref, title, applies_to, applies_from in DUTIES:
        yield Duty(ref, title, applies_to, applicability(item, applies_to, applies_from, c))
