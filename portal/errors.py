"""The refusals that the whole product speaks in; each becomes one page and one JSON shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Problem(NamedTuple):
    """One thing wrong with what somebody sent: where (dotted path), and what, in words."""

    path: str
    problem: str


class Refusal(Exception):
    """A request that is answered with a 4xx; `message` is for people, `code` for programs."""

    status = 400
    code = "refused"

    def __init__(self, message: str, *, code: str = "", details: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.details = tuple(details)

    def body(self) -> dict[str, Any]:
        """The contract's error shape."""
        return error_body(self.code, self.message, self.details)


class Malformed(Refusal):
    """What was sent cannot be read."""

    status = 400
    code = "malformed"


class Forbidden(Refusal):
    """The actor may see the thing but not do this to it."""

    status = 403
    code = "forbidden"


class Hidden(Refusal):
    """The thing does not exist, or the actor may not see it: the answer is the same."""

    status = 404
    code = "not_found"

    def __init__(self, message: str = "There is nothing here, or you may not see it.") -> None:
        super().__init__(message)


class Conflict(Refusal):
    """The thing is not in the state that this needs; the message names the present one."""

    status = 409
    code = "conflict"


class TooLarge(Refusal):
    """More bytes than we take."""

    status = 413
    code = "too_large"


class Invalid(Refusal):
    """What was sent can be read but breaks a rule; `details` name each."""

    status = 422
    code = "invalid"


def error_body(code: str, message: str, details: Sequence[Problem] = ()) -> dict[str, Any]:
    """`{"error": {"code", "message", "details": [{"path", "problem"}]}}`."""
    listed = [{"path": item.path, "problem": item.problem} for item in details]
    return {"error": {"code": code, "message": message, "details": listed}}
