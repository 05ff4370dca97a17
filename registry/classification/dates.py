"""When each duty begins for a system: by the letter, by the common reading where that differs, and on what basis. Pure.

Regulation (EU) 2026/1744 moved Sections 1 to 3 of Chapter III; nothing moved Section 5 and Chapter IX. Both dates are
shown where they differ, since no Commission statement settles which holds.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from registry.classification.duties import BASES, FORMALLY_SINCE, owes_rights_assessment
from registry.classification.facts import TRANSPARENCY, C, Classification
from registry.practices import NEW_RULES, PRACTICES, prohibited_by

FIRST_RULES = date(2025, 2, 2)
AMENDED = date(2026, 7, 27)
PLAN_TEMPLATE = date(2027, 9, 2)
ANNEX_III = date(2027, 12, 2)
ANNEX_I = date(2028, 8, 2)
PUBLIC_LEGACY = date(2030, 8, 2)
KEEP_YEARS = 10


@dataclass(frozen=True)
class Due:
    """A duty and the day from which it binds; `formal_from` where the letter says another day.

    `question` is what somebody has to answer before the date can be relied on.
    """

    day: date
    duty: str
    ref: str
    basis: str = "text"
    note: str = ""
    formal_from: date | None = None
    question: str = ""

    @property
    def basis_words(self) -> str:
        """How sure the date is, in words."""
        return BASES[self.basis]


def prohibited(c: Classification, today: date) -> dict[str, str]:
    """The prohibited practices that were found, by their letter: from when each is prohibited, in words."""
    found = [letter for letter in PRACTICES if letter in c.practices]
    already = prohibited_by(today, found)
    return {letter: "now" if letter in already else "from 2 December 2026" for letter in found}


def high_risk_from(c: Classification) -> date:
    """When the duties of a high-risk system begin: by its use, else as a product."""
    return ANNEX_III if c.is_annex_iii_high else ANNEX_I


def is_legacy(c: Classification) -> bool:
    """Whether Art. 111(2) spares it: high-risk, and in use before the day, with the same design as today."""
    return c.is_high_risk and c.since is not None and c.since < high_risk_from(c)


def calendar(c: Classification, today: date) -> list[Due]:
    """What begins when for this system, in the order of the dates; what is past stays in it."""
    entries = [*_for_everybody(c, today), *_for_transparency(c)]
    if c.is_high_risk:
        entries += [*_for_high_risk(c), *_for_what_was_there_before(c)]
    elif c.point and c.exit and c.provides:
        entries += _for_the_exit()
    return sorted(entries, key=lambda due: due.day)


def kept_until(day: date) -> date:
    """Ten years on (Art. 18); from 29 February the 28th where there is none (Regulation 1182/71 Art. 3(2)(c)).

    PostgreSQL counts its intervals alike.
    """
    year = day.year + KEEP_YEARS
    return day.replace(year=year, day=min(day.day, monthrange(year, day.month)[1]))


def _for_everybody(c: Classification, today: date) -> Iterator[Due]:
    yield Due(FIRST_RULES, "Support the AI literacy of those who deal with the system", "Art. 4")
    yield Due(FIRST_RULES, "No prohibited practice, as the list was first made", "Art. 5(1)(a)–(h)")
    words = "Two more prohibited practices"
    note = f"In {(NEW_RULES - today).days} days." if today < NEW_RULES else ""
    yield Due(NEW_RULES, words, "Art. 5(1)(ba), (bb)", note=note)
    if c.has(C.SPECIAL_CATEGORIES):
        yield Due(AMENDED, "Six conditions for sensitive data that are used against bias", "Art. 4a")


def _for_transparency(c: Classification) -> Iterator[Due]:
    if c.has(*TRANSPARENCY):
        yield Due(FORMALLY_SINCE, "Tell people: that it is AI, and what it made", "Art. 50")
    is_older = c.first_used_on is not None and c.first_used_on < FORMALLY_SINCE
    if c.has(C.GENERATES) and c.provides and is_older:
        note = "It was on the market before 2 August 2026."
        yield Due(NEW_RULES, "Mark what it generates so that machines can tell", "Art. 111(4), 50(2)", note=note)


def _for_high_risk(c: Classification) -> Iterator[Due]:
    start = high_risk_from(c)
    whose = "an Annex III system" if c.is_annex_iii_high else "a product of Annex I"
    gap = {"basis": "reading", "formal_from": FORMALLY_SINCE}
    if c.provides:
        yield Due(start, f"The provider's duties for {whose}", "Chapter III Sections 2 and 3, Art. 8–22")
        yield Due(start, "Assess conformity, declare it, mark it", "Art. 43, 47, 48", **gap)
        yield Due(start, "Monitor after release, report serious incidents", "Art. 72, 73", **gap)
        words = "Guidance, not binding; the plan itself is part of the technical documentation."
        yield Due(PLAN_TEMPLATE, "The Commission's template for the monitoring plan is due", "Art. 72(3)", note=words)
    if c.deploys:
        yield Due(start, "The deployer's duties", "Art. 26")
    if c.is_annex_iii_high:
        yield from _for_annex_iii(c, start, gap)
    if c.provides and c.first_used_on:
        until = kept_until(c.first_used_on)
        note = "Ten years from when the system came into use. Logs: at least six months."
        yield Due(until, "Until then at least the documentation is kept", "Art. 18", note=note)


def _for_annex_iii(c: Classification, start: date, gap: dict) -> Iterator[Due]:
    if c.deploys and owes_rights_assessment(c):
        yield Due(start, "Assess the impact on fundamental rights before first use, and notify it", "Art. 27")
    if c.provides and c.area != "2":
        yield Due(start, "Register the system in the EU database", "Art. 49(1), Annex VIII A", **gap)
    if c.deploys and c.is_public_deployer and c.area != "2":
        yield Due(start, "Register the use in the EU database", "Art. 49(3), Annex VIII C", **gap)
    if c.deploys and c.has(C.DECIDES) and c.area != "2":
        yield Due(start, "Explain decisions to those who ask", "Art. 86", **gap)


def _for_the_exit() -> Iterator[Due]:
    yield Due(ANNEX_III, "The written assessment why it is not high-risk", "Art. 6(4)")
    yield Due(
        ANNEX_III,
        "Register the system although it is not high-risk",
        "Art. 49(2), Annex VIII B",
        basis="unsettled",
        formal_from=FORMALLY_SINCE,
        note="The most contested date: Art. 49(2) was not moved, and the exit itself applies only from the later day.",
    )


def _for_what_was_there_before(c: Classification) -> Iterator[Due]:
    if not is_legacy(c):
        return
    start = high_risk_from(c)
    since = "Its design last changed on" if c.redesigned_on else "It is in use since"
    yield Due(
        start,
        "A system that was there before is caught only when its design changes significantly from this day on",
        "Art. 111(2)",
        note=f"{since} {c.since:%-d %B %Y}. What counts is the first unit of the type.",
        question="Does a later version change the design significantly (Art. 3(23))? Then every duty above binds.",
    )
    if c.is_public_deployer:
        words = "Systems for public authorities that were there before must comply all the same"
        yield Due(PUBLIC_LEGACY, words, "Art. 111(2)")
