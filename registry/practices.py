"""What nobody may do with an AI system (AI Act Art. 5(1)), and from when. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

# Art. 5(1), each with what is asked.
PRACTICES: dict[str, str] = {
    "a": "Does it use hidden, manipulative or deceptive techniques that make people act against their interest and may"
    " seriously harm them?",
    "b": "Does it exploit somebody's age, disability, or social or economic situation with that effect?",
    "ba": "Does it make realistic intimate or sexual material of a person who has not explicitly agreed?",
    "bb": "Does it make sexual abuse material of children?",
    "c": "Does it score people over time by their behaviour, so that they are treated badly in unrelated matters or out"
    " of proportion?",
    "d": "Does it predict whether somebody will commit an offence from profiling or their personality alone?",
    "e": "Does it build up a database of faces by untargeted scraping?",
    "f": "Does it infer the emotions of people at work or in education (other than for medical or safety reasons)?",
    "g": "Does it infer race, politics, union membership, religion, sex life or orientation from biometric data?",
    "h": "Does it recognise people from afar, in real time, in public places, for law enforcement (outside the three"
    " narrow aims of Art. 5(1)(h))?",
}
# Of them, what Regulation (EU) 2026/1744 added, and from when.
NEW_PRACTICES = frozenset({"ba", "bb"})
NEW_RULES = date(2026, 12, 2)


def prohibited_by(today: date, found: Iterable[str]) -> list[str]:
    """Of the practices found, by their letters, those that are prohibited already."""
    later = NEW_PRACTICES if today < NEW_RULES else frozenset()
    return [letter for letter in found if letter not in later]
