"""Why the sealer signs nothing: for now, or until somebody has looked. Pure."""

from __future__ import annotations


class Halted(Exception):
    """Something contradicts what was signed before; the sealer stops until a person has looked. The message says it."""


class Waiting(Exception):
    """Nothing can be signed at the moment; it is tried again. The message says why."""
