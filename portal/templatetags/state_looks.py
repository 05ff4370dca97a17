"""The words, tones and shapes of every state, as one table: state is told by word and shape, colour only repeats it."""

from __future__ import annotations

from typing import NamedTuple


class Look(NamedTuple):
    """How a state is shown: `tone` names a colour, `shape` a glyph in `components/badge.html`."""

    tone: str
    shape: str
    word: str = ""


UNKNOWN = Look("neutral", "ring")

STATES: dict[str, Look] = {
    # version
    "draft": Look("neutral", "dashed"),
    "submitted": Look("info", "clock"),
    "approved": Look("good", "check"),
    "live": Look("good", "disc"),
    "standby": Look("info", "ring"),
    "rejected": Look("bad", "cross"),
    "quarantined": Look("bad", "triangle"),
    "retired": Look("neutral", "square"),
    # decision status and mode
    "answered": Look("good", "check"),
    "refused": Look("warn", "bar"),
    "canary": Look("info", "half"),
    "shadow": Look("neutral", "dashed"),
    "reported": Look("neutral", "arrow"),
    # jobs
    "queued": Look("neutral", "clock"),
    "running": Look("info", "half"),
    "done": Look("good", "check"),
    "failed": Look("bad", "cross"),
    # evidence
    "passed": Look("good", "check"),
    "claimed": Look("warn", "diamond"),
    "waived": Look("warn", "bar"),
    "missing": Look("bad", "dashed"),
    # how a gate binds
    "required": Look("info", "disc"),
    "advised": Look("neutral", "ring"),
    "off": Look("neutral", "bar"),
    # inputs
    "protected": Look("warn", "triangle"),
    # disputes
    "received": Look("info", "clock"),
    "explained": Look("info", "half"),
    "in_review": Look("warn", "half"),
    "decided": Look("info", "diamond"),
    "closed": Look("neutral", "square"),
    "upheld": Look("neutral", "check"),
    "overturned": Look("warn", "back"),
    "corrected": Look("info", "check"),
    "overdue": Look("bad", "triangle"),
    "due_soon": Look("warn", "clock"),
    "on_time": Look("good", "check"),
    # incidents
    "open": Look("warn", "half"),
    "reported_initial": Look("info", "half", "first report sent"),
    "reported_final": Look("info", "check", "complete report sent"),
    "not_serious": Look("neutral", "bar", "no serious incident"),
    # frozen dossiers
    "proposed": Look("info", "clock", "waits for signatures"),
    "complete": Look("good", "check", "signed"),
    "withdrawn": Look("neutral", "back"),
    # risks
    "accepted": Look("good", "check"),
    "low": Look("good", "ring"),
    "medium": Look("neutral", "half"),
    "high": Look("warn", "triangle"),
    "very high": Look("bad", "triangle"),
    # erasures
    "requested": Look("info", "clock"),
    "confirmed": Look("good", "check", "erased"),
    "declined": Look("neutral", "bar"),
    # rollout
    "gated": Look("neutral", "bar"),
    "promoting": Look("info", "half"),
    "stable": Look("good", "disc"),
    "aborted": Look("bad", "cross"),
    "rolled_back": Look("warn", "back"),
    "inconclusive": Look("warn", "diamond"),
    "paused": Look("warn", "pause"),
    "armed": Look("good", "check"),
    "not_armed": Look("bad", "bar"),
    # dossier
    "auto": Look("good", "check", "automatic"),
    "evidence": Look("warn", "half"),
    "statement": Look("info", "diamond"),
    "stale": Look("warn", "clock"),
    "not_applicable": Look("neutral", "bar"),
    # trail
    "verified": Look("good", "check"),
    "sealed": Look("good", "check"),
    "pending": Look("neutral", "clock"),
    "contradicted": Look("bad", "cross"),
    "unchecked": Look("warn", "diamond", "could not be checked"),
    "erased": Look("neutral", "square"),
    # explanations
    "matches": Look("good", "check"),
    "close": Look("warn", "diamond"),
    "differs": Look("bad", "cross"),
    "artifact_missing": Look("bad", "dashed"),
    "agree": Look("good", "check"),
    "partly": Look("warn", "half"),
    "disagree": Look("bad", "cross"),
    "full": Look("good", "check"),
    "partial": Look("warn", "half"),
    # monitoring
    "healthy": Look("good", "disc"),
    "degraded": Look("warn", "triangle"),
    "down": Look("bad", "cross"),
    "steady": Look("good", "check"),
    "watch": Look("warn", "triangle"),
    "drifted": Look("bad", "triangle"),
}


def look_of(state: object) -> Look:
    """The look of a state word; a word nobody registered is neutral with an empty ring."""
    return STATES.get(str(state), UNKNOWN)
