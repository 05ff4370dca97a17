"""The refusals that only the gateway speaks, beside those of the whole product."""

from __future__ import annotations

from portal.errors import Refusal

RETRY_SECONDS = 1


class Unauthorised(Refusal):
    """No token, or one that is unknown or was revoked: the answer is the same."""

    status = 401
    code = "unauthorised"

    def __init__(self) -> None:
        super().__init__("Send a valid token: Authorization: Bearer TOKEN.")


class Overloaded(Refusal):
    """More requests are under way than we answer in time."""

    status = 429
    code = "overloaded"


class Unavailable(Refusal):
    """Not now: something that the answer needs is not there. Try again."""

    status = 503
    code = "unavailable"


class RecordUnavailable(Unavailable):
    """The record could not be written, so nothing is answered."""

    code = "record_unavailable"

    def __init__(self) -> None:
        super().__init__("The decision could not be recorded, so it is not given. Try again.")


class ClientGone(Exception):
    """The caller hung up before the request was whole."""
