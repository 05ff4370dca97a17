"""What was done in a case and with its system, as people read it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registry.events import Event


@dataclass(frozen=True)
class Moment:
    """One line of a case's timeline; `release` is the number of one made meanwhile."""

    at: datetime
    by: str
    what: str
    words: str = ""
    tone: str = "neutral"
    release: int | None = None


class _Words(dict[str, Any]):
    """The details of a step, for words that name some; one that is not there is left out."""

    def __missing__(self, key: str) -> str:
        return ""


STEP_WORDS = {
    Event.INCIDENT_OPENED: "Opened; an authority must know by {due} ({article})",
    Event.INCIDENT_ASSESSED: "Judged anew ({changed}); due {due} ({article}){moved}",
    Event.INCIDENT_VERSION_HELD: "Version {version} is held, too",
    Event.INCIDENT_LINKED: "Tied to it: {what} {value}",
    Event.INCIDENT_NOTE_ADDED: "Note",
    Event.INCIDENT_FILE_ADDED: "File added: {name}",
    Event.INCIDENT_REPORT_SAVED: "Report saved, version {report}",
    Event.INCIDENT_REPORT_SENT: "Report version {report} sent to {authority}",
    Event.INCIDENT_MESSAGE_KEPT: "{direction}: {authority}",
    Event.INCIDENT_CLOSED: "Closed",
    Event.INCIDENT_FOUND_NOT_SERIOUS: "Found to be no serious incident",
    Event.INCIDENT_REOPENED: "Reopened",
    Event.INCIDENT_HOLD_RELEASED: "Hold released",
}
TOLD = frozenset({Event.INCIDENT_REPORT_SENT, Event.INCIDENT_ASSESSED, Event.INCIDENT_OPENED})


def step_moment(event: str, details: dict[str, Any], words: str, by: str, at: datetime) -> Moment:
    """A step of the case."""
    before = details.get("due_before")
    moved = f" instead of {before}" if before != details.get("due") else ""
    what = STEP_WORDS.get(Event(event), event).format_map(_Words(details, moved=moved))
    return Moment(at, by, what, words, "info" if event in TOLD else "neutral")


def release_moment(
    number: int, version: int, before: int | None, is_rollback: bool, reason: str, by: str, at: datetime
) -> Moment:
    """A release of the system while the case ran: how production changed."""
    left = f", in place of version {before}" if before and before != version else ""
    what = f"{'Rollback' if is_rollback else 'Release'} {number}: version {version} went live{left}"
    return Moment(at, by, what, reason, "warn" if is_rollback else "neutral", number)
