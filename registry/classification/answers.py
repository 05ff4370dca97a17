"""Whether the answers about a system fit together and with the law. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portal.errors import Problem
from registry.classification.facts import CIRCUMSTANCE_WORDS, EXITS, POINTS, ROLES, TAKEOVERS
from registry.practices import PRACTICES

# A day outside these is a slip of the keyboard, and ten years after it may be no day at all.
YEARS = range(1950, 2101)


def problems_in(said: Mapping[str, Any]) -> list[Problem]:
    """Every answer that is unknown, missing, or contradicts another one or the law."""
    found: list[Problem] = []

    def unless(holds: Any, path: str, words: str) -> None:
        if not holds:
            found.append(Problem(path, words))

    point, way_out, practices = said["annex_iii_point"], said["exit_condition"], said["practices"]
    unless(said["role"] in ROLES, "role", "This must be provider, deployer or both.")
    unless(point is None or point in POINTS, "annex_iii_point", "This is no point of Annex III.")
    unless(way_out is None or way_out in EXITS, "exit_condition", "This is no condition of Art. 6(3).")
    unless(said["takeover"] is None or said["takeover"] in TAKEOVERS, "takeover", "This is none of Art. 25(1).")
    unless(set(said["circumstances"]) <= set(CIRCUMSTANCE_WORDS), "circumstances", "Something unknown is among these.")
    unless(
        said["takeover"] is None or said["role"] != "deployer",
        "role",
        "You cannot be the deployer alone: whoever does this becomes the provider (Art. 25(1)).",
    )
    if way_out:
        unless(point, "exit_condition", "The exit is only for what Annex III lists.")
        unless(
            not said["profiles"],
            "exit_condition",
            "The exit is closed: a system that profiles people is always high-risk (Art. 6(3), last sentence).",
        )
        why = "Say why it is not high-risk: Art. 6(4) has it documented before it is released."
        unless(said["exit_assessment"].strip(), "exit_assessment", why)
    for letter in PRACTICES:
        answer = practices.get(letter)
        unless(answer is not None, f"practice_{letter}", "This must be answered.")
        is_told = not (answer and answer["found"]) or answer["note"].strip()
        unless(is_told, f"note_{letter}", "Say what was found.")
    first, again = said["first_used_on"], said["redesigned_on"]
    for name in ("first_used_on", "redesigned_on"):
        unless(not said[name] or said[name].year in YEARS, name, f"The year must be {YEARS[0]} to {YEARS[-1]}.")
    unless(not again or (first and again >= first), "redesigned_on", "This must be no earlier than the first use.")
    return found
