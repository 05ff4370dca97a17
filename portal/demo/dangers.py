"""The demo's risk register, from what its data show, and the case of version 3, which granted everybody everything.

The figures of the register are those of the survey (`hmda.md`) and can be counted there. The case ends as no serious
incident and its hold is released, so that nothing of the demo is held.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

import registry.incidents.services as incidents
import registry.risks.services as risks
from audit.models import Entry
from portal.accounts.access import Actor
from portal.accounts.models import User
from portal.demo import training
from registry.incidents.clocks import Judged
from registry.models import System
from registry.risks.rating import Control, Written

REVIEW_DAYS = 182
REVIEWED = Control("inform", "Every denial can be disputed, and another person decides it.", "")
_LATER = date.max


class Danger(NamedTuple):
    """A risk, who writes it down, and what Clara says where she accepts what is left."""

    written: Written
    by: str
    accepted: str = ""


RISKS = (
    Danger(
        Written(
            title="The model learns what underwriters thought of African-American applicants in 1990",
            source="intended",
            harm="Of 339 African-American applicants 28 % were denied, of the 2,041 others 9 %. The label is that"
            " denial. A model that learns it well goes on with it, through inputs that go along with origin.",
            affected="African-American applicants: about one in seven of those who apply.",
            severity=4,
            likelihood=4,
            residual_severity=4,
            residual_likelihood=3,
            review_due=_LATER,
            controls=(
                Control("design_out", "No version reads the input “afam”.", "version 2"),
                Control("mitigate", "Rates by group are computed for every version.", "performance"),
                REVIEWED,
            ),
        ),
        "lena",
    ),
    Danger(
        Written(
            title="Unmarried applicants are denied more often because they are unmarried",
            source="intended",
            harm="Of 936 unmarried applicants 15 % were denied, of 1,444 married ones 10 %. The models read “single”,"
            " so the difference may be used where it says nothing about paying back.",
            affected="Unmarried applicants: two in five.",
            severity=4,
            likelihood=3,
            residual_severity=3,
            residual_likelihood=3,
            review_due=_LATER,
            controls=(
                Control("mitigate", "The explanation says when “single” moved an answer.", "explanation"),
                REVIEWED,
            ),
        ),
        "lars",
        "I accept it until the next version, which has to be trained once without “single” and compared.",
    ),
    Danger(
        Written(
            title="A refusal by the mortgage insurer decides alone, even where it is wrong",
            source="intended",
            harm="44 of the 48 applicants to whom insurance was refused were denied. If the insurer erred, or its"
            " refusal was keyed in by mistake, the person is denied for it.",
            affected="Applicants with a refusal on file: about two in a hundred.",
            severity=3,
            likelihood=4,
            residual_severity=3,
            residual_likelihood=2,
            review_due=_LATER,
            controls=(
                Control("inform", "The letter names the input, so that the person can object.", "explanation"),
                Control("mitigate", "A reviewer can correct it and have the version score again.", ""),
            ),
        ),
        "lena",
        "The person learns of it and can have it put right; that is what can be done on our side.",
    ),
    Danger(
        Written(
            title="Too few applicants without a diploma to learn anything true about them",
            source="intended",
            harm="Of 2,380 applicants 39 have no high-school diploma; 11 of them were denied. What the model says about"
            " such a person rests on a handful of others.",
            affected="Applicants without a diploma: about two in a hundred.",
            is_vulnerable=True,
            severity=4,
            likelihood=3,
            residual_severity=4,
            residual_likelihood=2,
            review_due=_LATER,
            controls=(
                Control("mitigate", "The explanation names near applicants with the other answer.", "explanation"),
                REVIEWED,
            ),
        ),
        "lars",
    ),
    Danger(
        Written(
            title="Applicants of today are not those of Boston in 1990",
            source="market",
            harm="Incomes, prices and rules have changed. Scores that were right then may be wrong now, in either"
            " direction.",
            affected="Everybody who applies.",
            severity=3,
            likelihood=5,
            residual_severity=3,
            residual_likelihood=4,
            review_due=_LATER,
            controls=(
                Control("mitigate", "Outputs of a new version are compared with the live one.", "distribution"),
                Control("mitigate", "Production goes back to the version before by one button.", "rollback"),
            ),
        ),
        "lena",
    ),
    Danger(
        Written(
            title="The score is used for a price, or for another product",
            source="misuse",
            harm="A score of denial that sets an interest rate makes credit dear for people for whom it was never"
            " measured.",
            affected="Applicants for other products of the bank.",
            severity=3,
            likelihood=3,
            residual_severity=3,
            residual_likelihood=1,
            review_due=_LATER,
            controls=(
                Control("design_out", "Only the loan desk has a token that may ask for decisions.", ""),
                Control("mitigate", "Each decision is on record with its caller.", ""),
            ),
        ),
        "lars",
        "One caller, and every call is on record: I would see it.",
    ),
)


def write_risks(system: System, say: Callable[[str], None]) -> None:
    """Lena and Lars write the register, Clara accepts what she can stand for; the rest stays open."""
    if system.risks.exists():
        return
    clara, accepted = _actor("clara"), 0
    with transaction.atomic():
        for danger in RISKS:
            now = timezone.now()
            written = replace(danger.written, review_due=now.date() + timedelta(days=REVIEW_DAYS))
            risk = risks.record_risk(actor=_actor(danger.by), system=system, written=written, now=now)
            if danger.accepted:
                risks.accept_risk(actor=clara, risk=risk, reason=danger.accepted, now=timezone.now())
                accepted += 1
    say(f"risk register: {system.risks.count()} risks, {accepted} of them accepted")


def look_into_version_3(system: System, applicants: training.Applicants, say: Callable[[str], None]) -> None:
    """Lena opens a case about version 3 after its rollback; Clara finds out that nobody was harmed, Carl lets go."""
    if system.incidents.exists():
        return
    rollback = system.releases.filter(is_rollback=True).first()
    if rollback is None:
        return
    decided = Entry.objects.filter(type="decision", system=system.slug, release=rollback.number - 1, status="answered")
    denied = decided.filter(label=training.ADVERSE).count()
    numbers = [int((request or "").rpartition("-")[2]) for request in decided.values_list("request_id", flat=True)]
    before = sum(applicants.answer_to(number) == training.ADVERSE for number in numbers)
    found = (
        f"Version 3 denied {denied} of {len(numbers)} applicants; of the same ones underwriters had denied {before}."
        " Households may have been granted a loan that they cannot carry."
    )
    with transaction.atomic():
        _case(system, rollback.number, rollback.released_at, found)
    say("incident: version 3 was looked into, and found to have harmed nobody")


def _case(system: System, rollback: int, aware_at: datetime, found: str) -> None:
    case = incidents.open_incident(
        actor=_actor("lena"),
        system=system,
        versions=list(system.versions.filter(number=3)),
        description=found,
        judged=Judged(kind="property", role="provider", aware_at=aware_at),
        links=[("release", str(rollback - 1)), ("release", str(rollback))],
        now=timezone.now(),
    )
    note = "I asked the loan desk which of these answers were carried out."
    incidents.add_note(actor=_actor("clara"), incident=case, words=note, now=timezone.now())
    reason = "The loan desk of this demo signs no contracts: nobody took on a debt. Version 3 stays in quarantine."
    incidents.move_incident("find_not_serious", actor=_actor("clara"), incident=case, reason=reason, now=timezone.now())
    reason = "The case is closed with a reason, and what it was about is on record."
    incidents.release_hold(actor=_actor("carl"), incident=case, reason=reason, now=timezone.now())


def _actor(username: str) -> Actor:
    return User.objects.get(username=username).actor
