"""Which requirement binds whom: the rules, id by id, against the law's data."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any

import pytest

from registry.classification.answers import problems_in
from registry.classification.dates import ANNEX_I, ANNEX_III, FORMALLY_SINCE, calendar, is_legacy, prohibited
from registry.classification.duties import HIGH_RISK_ITEMS, REMARKS, RULES, applicability
from registry.classification.facts import CIRCUMSTANCES, EXITS, POINTS, SIZES, C, Classification, Role
from registry.models import classification as rows
from registry.practices import PRACTICES
from tests.architecture.sources import ROOT

LAW = json.loads((ROOT / "registry/dossier/law/2026-07-27.json").read_text(encoding="utf-8"))
ITEMS = {item["id"]: item for item in LAW["requirements"]}
# Ids of the same style that the law's data may hold later.
MORE = ("art-10.6", "art-22", *(f"art-43.{number}" for number in "123"), *(f"art-49.{number}" for number in "12345"))

LENDER = Classification(
    role=Role.BOTH,
    point="5(b)",
    profiles=True,
    circumstances=frozenset({C.DECIDES, C.PERSONAL_DATA}),
    size="large",
    is_financial_institution=True,
    first_used_on=date(2026, 11, 1),
)
MARKED = {C.TALKS, C.GENERATES, C.SENSES, C.DEEP_FAKES, C.PUBLIC_TEXT}


def change(base: Classification = LENDER, *circumstances: C, **changes: Any) -> Classification:
    return replace(base, circumstances=base.circumstances | set(circumstances), **changes)


BORDER = Classification(
    role=Role.BOTH, point="1(a)", circumstances=frozenset({C.POLICING, C.DECIDES}), is_public_body=True
)
DEVICE = Classification(
    role=Role.BOTH, product_law="Regulation (EU) 2017/745", circumstances=frozenset({C.MEDICAL_DEVICE, C.NOTIFIED_BODY})
)
SORTER = Classification(role=Role.BOTH, point="8(a)", exit="d", circumstances=frozenset({C.DECIDES}))
GRID = Classification(role=Role.BOTH, point="2", is_public_body=True, circumstances=frozenset({C.DECIDES, C.OWN_GPAI}))
CHAT = Classification(role=Role.BOTH, circumstances=frozenset(MARKED))
PLAIN = Classification(role=Role.BOTH)

# Item: whom of these it binds.
HIGH = {"lender": LENDER, "border": BORDER, "device": DEVICE, "grid": GRID}
WHO = {**HIGH, "sorter": SORTER, "chat": CHAT, "plain": PLAIN}
TABLE = {
    "annex-iv.1.a": "lender border device grid",
    "annex-iv.1.f": "",
    "annex-iv.9": "lender border device grid",
    "annex-iv.simplified": "",
    "annex-v.1": "lender border device grid",
    "annex-v.5": "lender",
    "annex-v.6": "",
    "annex-v.7": "device",
    "annex-viii.a.1": "lender border",
    "annex-viii.a.2": "",
    "annex-viii.a.3": "",
    "annex-viii.a.6": "lender",
    "annex-viii.a.8": "",
    "annex-viii.a.9": "",
    "annex-viii.a.12": "lender",
    "annex-viii.a.13": "lender border",
    "annex-viii.b.1": "sorter",
    "annex-viii.b.2": "",
    "annex-viii.b.6": "sorter",
    "annex-viii.c.1": "border",
    "annex-viii.c.5": "",
    "art-4": "lender border device sorter grid chat plain",
    "art-4a.1.a": "",
    "art-5": "lender border device sorter grid chat plain",
    "art-6.3": "sorter",
    "art-6.4": "sorter",
    "art-9.2.a": "lender border device grid",
    "art-10.2.f": "lender border device grid",
    "art-12.1": "lender border device grid",
    "art-12.3": "border",
    "art-13.3.a": "lender border device grid",
    "art-14.4.d": "lender border device grid",
    "art-14.5": "border",
    "art-15.4": "lender border device grid",
    "art-17.1.a": "border device grid",
    "art-17.1.g": "lender border device grid",
    "art-17.1.i": "lender border device grid",
    "art-17.1.m": "border device grid",
    "art-18": "lender border device grid",
    "art-20": "lender border device grid",
    "art-26.5": "lender border device grid",
    "art-26.5.incident": "lender border device grid",
    "art-26.7": "",
    "art-26.8": "border grid",
    "art-26.9": "lender",
    "art-26.11": "lender border grid",
    "art-27.1.a": "lender border",
    "art-27.4": "",
    "art-43": "lender border device grid",
    "art-43.1": "border",
    "art-43.2": "lender grid",
    "art-43.3": "device",
    "art-49": "lender border sorter grid",
    "art-49.1": "lender border",
    "art-49.2": "sorter",
    "art-49.3": "border",
    "art-49.4": "border",
    "art-49.5": "grid",
    "art-50.1": "chat",
    "art-50.4": "chat",
    "art-50.5": "chat",
    "art-72.1": "lender border device grid",
    "art-72.4": "lender device",
    "art-73.1": "lender border device grid",
    "art-73.9": "",
    "art-73.10": "device",
    "art-75.1a": "",
    "art-86.1": "lender border",
    "art-999.1": "lender border device sorter grid chat plain",
}
# What changes the answer, and to what.
TURNS = [
    ("annex-iv.1.f", change(LENDER, C.COMPONENT), True),
    ("annex-iv.simplified", change(size="smc"), True),
    ("annex-v.6", change(LENDER, C.STANDARDS), True),
    ("annex-v.7", change(LENDER, C.NOTIFIED_BODY), False),  # points 2 to 8: internal control, whatever is said
    ("annex-v.7", change(BORDER, C.NOTIFIED_BODY), True),
    ("annex-viii.a.2", change(has_submitter=True), True),
    ("annex-viii.a.3", change(has_representative=True), True),
    ("annex-viii.c.1", change(LENDER, C.FOR_AUTHORITY), True),
    ("annex-viii.c.5", change(BORDER, C.DPIA), True),
    ("art-4a.1.f", change(LENDER, C.SPECIAL_CATEGORIES), True),
    ("art-4a.1.f", change(PLAIN, C.SPECIAL_CATEGORIES), True),  # Art. 4a(2): other systems as well
    ("art-10.6", change(LENDER, C.UNTRAINED), True),
    ("art-17.1.a", change(is_financial_institution=False), True),
    ("art-26.7", change(LENDER, C.WORKPLACE), True),
    ("art-27.1.a", change(point="4(a)"), False),
    ("art-27.1.a", change(LENDER, C.PUBLIC_SERVICE, point="4(a)"), True),
    ("art-27.4", change(LENDER, C.DPIA), True),
    ("art-73.9", change(LENDER, C.SECTOR_REPORTING), True),
    ("art-75.1a", change(LENDER, C.OWN_GPAI), False),  # a financial institution, Art. 74(6)
    ("art-75.1a", change(LENDER, C.OWN_GPAI, is_financial_institution=False), True),
    ("art-86.1", replace(LENDER, circumstances=frozenset()), False),
    ("annex-iv.1.a", change(role=Role.DEPLOYER), False),
    ("art-26.1", change(role=Role.PROVIDER), False),
    ("art-26.1", change(role=Role.DEPLOYER), True),
]


def ask(item: str, c: Classification | None) -> Any:
    known = ITEMS.get(item) or next((row for name, row in ITEMS.items() if item.startswith(f"{name}.")), None)
    # Without a row in the law's data: a duty of everybody.
    row = known or {"applies_to": "both", "applies_from": {"annex_iii": "2027-12-02", "annex_i": "2028-08-02"}}
    return applicability(item, row["applies_to"], row["applies_from"], c)


@pytest.mark.parametrize("item", TABLE)
def test_who_is_bound(item: str) -> None:
    assert {name for name, c in WHO.items() if ask(item, c).applies} == set(TABLE[item].split())


@pytest.mark.parametrize("item,c,applies", TURNS)
def test_what_turns_it(item: str, c: Classification, applies: bool) -> None:
    assert ask(item, c).applies is applies


def test_every_id_of_the_law_is_known_and_every_rule_is_about_one() -> None:
    for item in ITEMS:
        assert any(rule.fits(item) for rule in RULES), item
    for rule in (*RULES, *REMARKS):
        is_about = [item for item in (*ITEMS, *MORE) if rule.fits(item)]
        assert is_about or rule.item in HIGH_RISK_ITEMS, rule.item


def test_whoever_is_told_no_is_told_why_and_whoever_is_told_yes_has_a_date() -> None:
    for (item, row), c in product(ITEMS.items(), (*WHO.values(), *(turn[1] for turn in TURNS))):
        said = applicability(item, row["applies_to"], row["applies_from"], c)
        assert said.reason.endswith("."), (item, said)
        assert said.applies_from or not said.applies, item
        assert said.basis in ("text", "reading", "unsettled")


def test_the_dates_are_those_of_the_route_and_both_are_said() -> None:
    seen = [ask(item, c) for item, c in (("art-72.1", LENDER), ("art-72.1", DEVICE), ("art-9.2.a", LENDER))]
    assert [(each.applies_from, each.formal_from, each.basis) for each in seen] == [
        (ANNEX_III, FORMALLY_SINCE, "reading"),
        (ANNEX_I, FORMALLY_SINCE, "reading"),
        (ANNEX_III, None, "text"),
    ]
    assert ask("annex-viii.b.1", SORTER).basis == "unsettled"
    assert ask("art-50.1", CHAT).applies_from == date(2026, 8, 2)
    assert ask("art-4", PLAIN).applies_from == date(2025, 2, 2)
    # What is both follows its use.
    assert ask("art-9.2.a", replace(DEVICE, point="5(d)")).applies_from == ANNEX_III


def test_without_a_classification_nothing_is_ruled_out() -> None:
    for item in ITEMS:
        said = ask(item, None)
        assert said.applies and "not classified" in said.reason


def test_the_risk_class_follows() -> None:
    classes = {name: c.risk_class for name, c in WHO.items()}
    high = dict.fromkeys(HIGH, "high")
    assert classes == {**high, "sorter": "minimal", "chat": "limited", "plain": "minimal"}
    assert change(SORTER, C.TALKS).risk_class == "limited"
    # The exit is one from Annex III alone.
    assert change(SORTER, product_law="Toys").risk_class == "high"


def test_a_practice_is_prohibited_now_or_from_its_day() -> None:
    found = change(practices=frozenset({"c", "ba"}))
    assert prohibited(found, date(2026, 12, 1)) == {"ba": "from 2 December 2026", "c": "now"}
    assert prohibited(found, date(2026, 12, 2)) == {"ba": "now", "c": "now"}
    assert prohibited(LENDER, date(2026, 12, 2)) == {}


TODAY = date(2026, 11, 27)


def days(c: Classification) -> dict[str, date]:
    return {due.ref: due.day for due in calendar(c, TODAY)}


def test_the_lenders_calendar() -> None:
    found = calendar(LENDER, TODAY)
    assert [due.day for due in found] == sorted(due.day for due in found)
    assert {(due.ref, str(due.day), str(due.formal_from), due.basis) for due in found} == {
        ("Art. 4", "2025-02-02", "None", "text"),
        ("Art. 5(1)(a)–(h)", "2025-02-02", "None", "text"),
        ("Art. 5(1)(ba), (bb)", "2026-12-02", "None", "text"),
        ("Art. 72(3)", "2027-09-02", "None", "text"),
        ("Chapter III Sections 2 and 3, Art. 8–22", "2027-12-02", "None", "text"),
        ("Art. 43, 47, 48", "2027-12-02", "2026-08-02", "reading"),
        ("Art. 72, 73", "2027-12-02", "2026-08-02", "reading"),
        ("Art. 26", "2027-12-02", "None", "text"),
        ("Art. 27", "2027-12-02", "None", "text"),
        ("Art. 49(1), Annex VIII A", "2027-12-02", "2026-08-02", "reading"),
        ("Art. 86", "2027-12-02", "2026-08-02", "reading"),
        ("Art. 111(2)", "2027-12-02", "None", "text"),
        ("Art. 18", "2036-11-01", "None", "text"),
    }
    legacy = next(due for due in found if due.ref == "Art. 111(2)")
    assert legacy.question and "1 November 2026" in legacy.note


def test_other_calendars() -> None:
    assert days(DEVICE)["Art. 26"] == ANNEX_I and "Art. 27" not in days(DEVICE)
    assert days(SORTER)["Art. 49(2), Annex VIII B"] == ANNEX_III
    assert {due.basis for due in calendar(SORTER, TODAY) if due.ref.startswith("Art. 49")} == {"unsettled"}
    assert set(days(PLAIN)) == {"Art. 4", "Art. 5(1)(a)–(h)", "Art. 5(1)(ba), (bb)"}
    assert days(change(CHAT, first_used_on=date(2026, 7, 1)))["Art. 111(4), 50(2)"] == date(2026, 12, 2)
    before = change(BORDER, first_used_on=date(2024, 2, 29))
    assert [due.day.year for due in calendar(before, TODAY) if due.ref == "Art. 111(2)"] == [2027, 2030]
    assert days(before)["Art. 18"] == date(2034, 2, 28)
    assert not is_legacy(change(BORDER, first_used_on=date(2024, 1, 1), redesigned_on=ANNEX_III))


def test_the_database_knows_the_same_words() -> None:
    import re

    assert all(re.fullmatch(rows.POINT, point) for point in POINTS) and not re.fullmatch(rows.POINT, "5(e)")
    assert list(EXITS) == list("abcd") and set(SIZES) == {"sme", "smc", "large"}
    assert {each for group in CIRCUMSTANCES.values() for each in group} == set(C)


def test_no_exit_for_what_profiles() -> None:
    practices = {letter: {"found": False, "note": ""} for letter in PRACTICES}
    none = {"takeover": None, "product_law": "", "first_used_on": None, "redesigned_on": None, "circumstances": []}
    for point, letter, role in product(POINTS, EXITS, Role):
        said = {**none, "role": role, "annex_iii_point": point, "exit_condition": letter, "practices": practices}
        asked = [problems_in({**said, "profiles": yes, "exit_assessment": "It is harmless."}) for yes in (True, False)]
        assert [problem.path for problem in asked[0]] == ["exit_condition"] and asked[1] == []
