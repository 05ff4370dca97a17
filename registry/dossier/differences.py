"""What two texts differ in, word by word. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """A stretch of words of a diff: `same`, `gone` or `new`."""

    kind: str
    text: str


def words_between(before: str, after: str) -> list[Words]:
    """The words of both texts in order, each stretch marked as same, gone or new."""
    one, other = (re.findall(r"\S+\s*|\s+", text) for text in (before, after))
    found: list[Words] = []
    for kind, low, high, left, right in difflib.SequenceMatcher(a=one, b=other).get_opcodes():
        if kind == "equal":
            found.append(Words("same", "".join(one[low:high])))
            continue
        found += _stretch("gone", one[low:high]) + _stretch("new", other[left:right])
    return found


def _stretch(kind: str, words: Sequence[str]) -> list[Words]:
    return [Words(kind, "".join(words))] if words else []
