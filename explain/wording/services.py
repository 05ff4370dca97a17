"""Every write of the wording: one decision, one transaction, one entry in the trail each."""

from __future__ import annotations

import re
from datetime import datetime

from django.db import transaction

import audit.services as trail
from explain.events import Event
from explain.models import FeatureWording
from portal.accounts.access import Actor, Permission
from portal.errors import Invalid, Problem

LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?")


@transaction.atomic
def set_wording(
    *, actor: Actor, system: str, feature: str, language: str, title: str, sentence: str = "", now: datetime
) -> FeatureWording:
    """How the input is told in letters of that language from now on; letters that were sent stay.

    `sentence` is what is said when it was a reason, with `{value}` for the person's value; empty says title and value.
    """
    actor.need(Permission.LETTER_MANAGE)
    problems = []
    if not LANGUAGE.fullmatch(language):
        problems.append(Problem("language", "must be a code such as en or de"))
    if not title.strip() or len(title) > 200:
        problems.append(Problem("title", "must have 1 to 200 characters"))
    if re.search(r"[{}]", sentence.replace("{value}", "")):
        problems.append(Problem("sentence", "may hold {value} and no other braces"))
    if len(sentence) > 500:
        problems.append(Problem("sentence", "is longer than 500 characters"))
    if problems:
        raise Invalid("The wording cannot be set.", details=problems)
    made = FeatureWording.objects.create(
        system=system,
        feature=feature,
        language=language,
        title=title.strip(),
        sentence=sentence.strip(),
        changed_by=actor.label,
        changed_at=now,
    )
    details = {"feature": feature, "language": language, "title": made.title, "sentence": made.sentence}
    trail.record(actor=actor, event=Event.WORDING_SET, system=system, details=details)
    return made
