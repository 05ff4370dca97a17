"""What was done in a case, and how old it is, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from explain.events import Event
from explain.models import CaseStep, Dispute

SOON = timedelta(days=7)


@dataclass(frozen=True)
class Step:
    """One step of a case as people read it."""

    step: CaseStep
    words: str
    reason: str
    # What inputs are called, by name.
    titles: Mapping[str, str] = field(default_factory=dict)

    @property
    def what(self) -> str:
        """What was done."""
        details = Words(self.step.details)
        if names := details.get("changed"):
            details["changed"] = ", ".join(self.titles.get(name, name) for name in names.split(", "))
        return STEP_WORDS.get(self.step.event, self.step.event).format_map(details)


class Words(dict[str, Any]):
    """The details of a step, for words that name some; one that is not there is left out."""

    def __missing__(self, key: str) -> str:
        return ""


STEP_WORDS = {
    Event.DISPUTE_OPENED: "Taken in by {channel}; identity: {identity}",
    Event.DISPUTE_EXPLAINED: "The explanation is there",
    Event.DISPUTE_IDENTITY_CHECKED: "Identity checked: {how}",
    Event.DISPUTE_ASSIGNED: "Given to {owner}",
    Event.DISPUTE_NOTE_ADDED: "Note",
    Event.DISPUTE_FILE_ADDED: "File added",
    Event.DISPUTE_EXTENDED: "Time extended from {from} to {to}",
    Event.DISPUTE_REVIEW_STARTED: "Review begun",
    Event.DISPUTE_FIRST_VIEW_WRITTEN: "First view, before the model's answer was seen",
    Event.DISPUTE_INPUTS_CORRECTED: "Inputs corrected: {changed}",
    Event.DISPUTE_RESCORED: "Corrected inputs scored by the version that decided",
    Event.DISPUTE_DECIDED: "Decided: {outcome}, “{answer_now}” is in force",
    Event.LETTER_SENT: "Letter sent by {delivery}",
    Event.DISPUTE_CLOSED: "Closed",
    Event.DISPUTE_WITHDRAWN: "Ended without an answer",
    Event.DISPUTE_REOPENED: "Reopened",
}


@dataclass(frozen=True)
class Ageing:
    """How old a case is in days, how many are left (negative: late), and `overdue`, `due_soon` or `on_time`."""

    open: int
    left: int
    state: str

    @property
    def words(self) -> str:
        """The days left or late."""
        days = abs(self.left)
        many = "1 day" if days == 1 else f"{days} days"
        if self.state == "overdue":
            return f"{many} late" if days else "late since today"
        return f"{many} left" if days else "due within a day"


def ageing_of(dispute: Dispute, now: datetime) -> Ageing:
    """How old the case is; one that ended stays as old as it was then. The days left count for open ones alone."""
    end = dispute.closed_at or now
    gap = dispute.due_at - now
    state = "overdue" if gap < timedelta(0) else "due_soon" if gap < SOON else "on_time"
    left = abs(gap) // timedelta(days=1)
    return Ageing(max(0, (end - dispute.received_at).days), -left if state == "overdue" else left, state)
