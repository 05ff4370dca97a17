"""Facts that fill the dossier's points: what each is, and who contributes them. Pure.

A room of the house contributes by registration, so the dossier imports nobody's internals. Whoever contributes says
only what exists: a key without a fact yields nothing, and the point that asks for it is shown as missing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from portal.accounts.access import Permission

if TYPE_CHECKING:
    from registry.models import System, Version

Value = str | int | float | bool | None


@dataclass(frozen=True)
class Subject:
    """What a dossier is about: a system and one version of it (none while there is none), read at one moment."""

    system: System
    version: Version | None
    now: datetime


@dataclass(frozen=True)
class Fact:
    """One thing that is so, in one plain sentence that is built from live data and leads to where it is kept.

    `words` is the sentence in English with named places (`%(number)s`), a msgid that can be translated; `values` fill
    the places. `about` tells facts of one key apart (a gate's kind, a risk's number). `volatile` names the values that
    change all the time, such as a count of decisions: no statement goes stale by them.
    """

    key: str
    words: str
    values: Mapping[str, Value]
    as_of: datetime
    source: str
    url: str = ""
    about: str = ""
    volatile: tuple[str, ...] = ()
    seen_with: Permission | None = None

    @property
    def sentence(self) -> str:
        """The sentence in English."""
        return sentence_of(self.words, self.values)

    @property
    def name(self) -> str:
        """What stays the same when the fact changes: its key, and what it is about."""
        return f"{self.key}#{self.about}" if self.about else self.key

    @property
    def digest(self) -> str:
        """SHA-256 over the name and the values that are not volatile: what a signature compares with later."""
        lasting = {name: value for name, value in self.values.items() if name not in self.volatile}
        said = json.dumps([self.name, lasting], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(said.encode()).hexdigest()


def sentence_of(words: str, values: Mapping[str, Value]) -> str:
    """The words in English with their places filled, whole numbers with thousands set apart."""
    return words % {name: f"{value:,}" if type(value) is int else value for name, value in values.items()}


Contributor = Callable[[Subject], Iterable[Fact]]
# Each contributor, with the beginnings of the keys that it may fill.
_contributors: dict[Contributor, tuple[str, ...]] = {}


def contribute(prefix: str, function: Contributor) -> None:
    """Have keys that are `prefix`, or begin with it and a dot, filled by `function`.

    A function may be registered for several prefixes: it is asked once, and gives its facts of all of them.
    """
    prefixes = _contributors.get(function, ())
    _contributors[function] = prefixes if prefix in prefixes else (*prefixes, prefix)


def facts_about(subject: Subject) -> dict[str, list[Fact]]:
    """Every fact there is about the subject, by key; each contributor is asked once."""
    found: dict[str, list[Fact]] = {}
    names: set[str] = set()
    for function, prefixes in _contributors.items():
        for fact in function(subject):
            if fact.name in names:
                raise ValueError(f"{function.__module__} gives {fact.name} twice; `about` tells facts of one key apart")
            names.add(fact.name)
            if not any(fact.key == prefix or fact.key.startswith(f"{prefix}.") for prefix in prefixes):
                raise ValueError(f"{function.__module__} may not fill {fact.key}; it registered {', '.join(prefixes)}")
            found.setdefault(fact.key, []).append(fact)
    return found
