"""What a check found: contradictions, what cannot be proved here, and remarks. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

NAMED = 100
VERIFIED, CONTRADICTED, NOT_CHECKED = "verified", "contradicted", "not_checked"


@dataclass(frozen=True)
class Contradiction:
    """One thing that is not as it was, by the entry's id where it is one entry's."""

    entry: str | None
    what: str


@dataclass(frozen=True)
class NotProvable:
    """Something that this trail cannot prove by itself, and why."""

    what: str
    why: str


@dataclass
class Report:
    """A check as it goes on, and its result. Seconds, and numbers of rows."""

    since: str | None = None
    entries: int = 0
    size: int = 0
    waiting: int = 0
    checkpoints: int = 0
    anchors: int = 0
    seconds: float = 0.0
    contradicted: int = 0
    contradictions: list[Contradiction] = field(default_factory=list)
    not_provable: list[NotProvable] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    error: str = ""

    def contradict(self, entry: str | None, what: str) -> None:
        """Add one contradiction: the first hundred are named, all are counted."""
        self.contradicted += 1
        if len(self.contradictions) < NAMED:
            self.contradictions.append(Contradiction(entry, what))

    @property
    def verdict(self) -> str:
        """`verified`, `contradicted`, or `not_checked` where the check could not be finished."""
        if self.error:
            return NOT_CHECKED
        return CONTRADICTED if self.contradicted else VERIFIED

    @property
    def entries_per_second(self) -> int:
        """How fast it went."""
        return round(self.entries / self.seconds) if self.seconds else 0

    def said(self) -> dict[str, Any]:
        """All of it, as JSON."""
        more = {"verdict": self.verdict, "entries_per_second": self.entries_per_second}
        return {**more, **asdict(self), "seconds": round(self.seconds, 3)}
