"""Looking for decisions by what people sent: each row is decrypted, compared, and forgotten.

What is looked for may itself be personal data (a name, an income). A job's row keeps it only encrypted, under a key of
its own that the keyring wraps, as payloads are; it goes when the job ends, and the trail never holds it. A job that
waits through the end of a key rotation can no longer be opened, and says so.
"""

from __future__ import annotations

import json
import math
import os
import uuid
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from audit.canonical import normal_text
from audit.encryption import KEY_BYTES, KeyUnknown, Unreadable, Wrapped, open_part, seal_part
from audit.exports import queries
from audit.keys import keyring
from audit.models import Job
from audit.records import Part
from portal.errors import Conflict, Problem

MOST_HITS = 1_000
HOW = ("is", "contains", "between")
Step = Callable[[float], None]


@dataclass(frozen=True)
class Sought:
    """An input's name, and what it must be: a value, a part of one, or a number between two (both included)."""

    input: str
    how: str
    value: str = ""
    low: float | None = None
    high: float | None = None

    def problems(self) -> list[Problem]:
        """What is wrong with it; empty where it can be looked for."""
        problems = []
        if not self.input.strip():
            problems.append(Problem("input", "is needed: the name that callers send"))
        if self.how not in HOW:
            problems.append(Problem("how", f"must be one of: {', '.join(HOW)}"))
        if self.how in ("is", "contains") and not self.value.strip():
            problems.append(Problem("value", "is needed"))
        if self.how == "between":
            problems += self._problems_of_bounds()
        return problems

    def matcher(self) -> Callable[[Any], bool]:
        """Whether a recorded value is what is sought. Case and the way of writing letters do not count."""
        if self.how == "between":
            low, high = self.low or 0.0, self.high or 0.0
            return lambda value: _is_number(value) and low <= value <= high
        text, number = _text(self.value), _number(self.value)
        if self.how == "contains":
            return lambda value: text in _text(value)
        return lambda value: value == number if _is_number(value) else _text(value) == text

    def _problems_of_bounds(self) -> list[Problem]:
        if self.low is None or self.high is None or not (math.isfinite(self.low) and math.isfinite(self.high)):
            return [Problem("low", "must be a number, and so must the other")]
        return [Problem("high", "must not be below the other number")] if self.high < self.low else []


def sealed(job: uuid.UUID, sought: Sought) -> dict[str, str]:
    """What is sought, encrypted and bound to the job, as a job's parameters keep it."""
    key = os.urandom(KEY_BYTES)
    stored, _ = seal_part(key, job, Part.TEXT.value, json.dumps(asdict(sought)).encode())
    kept = {**keyring().wrap(key, job)._asdict(), "stored": stored}
    return {name: b64encode(value).decode("ascii") for name, value in kept.items()}


def unsealed(job: Job) -> Sought:
    """What the job looks for; `Conflict` where it does not open: the keys have changed since, or somebody the row."""
    kept = {name: b64decode(text) for name, text in job.parameters["sought"].items()}
    try:
        key = keyring().unwrap(Wrapped(kept["kek"], kept["wrapped"]), job.pk)
        _, content = open_part(key, job.pk, Part.TEXT.value, kept["stored"])
    except (KeyUnknown, Unreadable):
        raise Conflict("What this looks for can no longer be opened. Ask again.", code="unreadable") from None
    return Sought(**json.loads(content))


def search(job: Job, step: Step) -> dict[str, Any]:
    """The hits, oldest first, at most 1,000 (`cut` says whether there were more); and how many were looked at.

    `named` are those that have such an input at all, `erased` those of which nothing can be read any more.
    """
    sought, found = unsealed(job), _Found()
    matches = sought.matcher()
    since, until = (datetime.fromisoformat(job.parameters[name]) for name in ("since", "until"))
    for chunk in queries.entries_between(job.parameters["system"], since, until, only_decisions=True):
        opened = queries.opened(chunk, [Part.INPUTS])
        found.erased += len(opened.erased)
        for identifier, parts in sorted(opened.contents.items()):
            found.look_at(identifier, json.loads(parts[Part.INPUTS]), sought.input, matches)
            if found.cut:
                return found.result()
        step((chunk[-1].at - since) / (until - since))
    return found.result()


class _Found:
    """What a search has come upon so far."""

    def __init__(self) -> None:
        self.hits: list[str] = []
        self.looked = self.named = self.erased = 0
        self.cut = False

    def look_at(self, identifier: uuid.UUID, content: Any, name: str, matches: Callable[[Any], bool]) -> None:
        """Count the decision, and keep its id where it matches."""
        self.looked += 1
        inputs = content.get("inputs") or {}
        if name not in inputs:
            return
        self.named += 1
        if not matches(inputs[name]):
            return
        if len(self.hits) == MOST_HITS:
            self.cut = True
        else:
            self.hits.append(str(identifier))

    def result(self) -> dict[str, Any]:
        """As the job keeps it."""
        names = ("hits", "looked", "named", "erased", "cut")
        return {name: getattr(self, name) for name in names}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return normal_text(text).casefold()
