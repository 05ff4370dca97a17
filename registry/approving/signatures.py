"""How many signatures of which roles are given, and which are still missing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import permutations

# Stands for any role that may approve.
ANY = "any"
# More than that is a way never to release anything.
MOST = 5


def missing_signatures(needed: Mapping[str, int], signers: Iterable[frozenset[str]]) -> dict[str, int]:
    """The signatures still missing, by role; empty when all are given. `signers` are the roles of each who signed.

    A signer with two roles counts for one of them: whichever leaves the fewest missing.
    """
    places = [role for role, count in sorted(needed.items()) for _ in range(count)]
    given = list(signers)
    best = _unfilled(places, given)
    for order in permutations(given) if len(given) <= MOST else ():
        left = _unfilled(places, list(order))
        if len(left) < len(best):
            best = left
    return {role: best.count(role) for role in dict.fromkeys(best)}


def stricter(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Whatever either asks for: a rule that was loosened after somebody asked does not let their version through."""
    return {role: max(one.get(role, 0), other.get(role, 0)) for role in sorted({*one, *other})}


def _unfilled(places: list[str], signers: list[frozenset[str]]) -> list[str]:
    left = sorted(places, key=lambda role: role == ANY)
    for roles in signers:
        taken = next((place for place in left if place in roles or place == ANY), None)
        if taken is not None:
            left.remove(taken)
    return left
