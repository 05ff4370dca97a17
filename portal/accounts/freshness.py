"""A fresh sign-in, for acts that nobody shall make at a desk that somebody else has left."""

from __future__ import annotations

import time

from django.contrib.auth import logout
from django.http import HttpRequest

from portal.accounts.models import User
from portal.errors import Forbidden

# A password counts as fresh for as long as django-allauth lets a reauthentication count.
FRESH_SECONDS = 300
# Then the session ends: whoever sits here does not know the password.
MOST_WRONG = 5
_AT, _WRONG = "password_given_at", "passwords_wrong"


def mark_fresh(request: HttpRequest) -> None:
    """Note that the person has just given their password."""
    request.session[_AT] = time.time()
    request.session[_WRONG] = 0


def is_fresh(request: HttpRequest) -> bool:
    """Whether the person gave their password within `FRESH_SECONDS`; the clock never counts backwards."""
    return 0 <= time.time() - request.session.get(_AT, 0) <= FRESH_SECONDS


def need_fresh(request: HttpRequest, password: str | None = None) -> None:
    """`Forbidden` unless the person gave their password just now, or within the last minutes.

    A service has no password and passes: what needs a fresh password needs a person, too, and refuses it there.
    """
    user = request.user
    if not isinstance(user, User):
        return
    if password:
        _confirm(request, user, password)
    elif not is_fresh(request):
        message = "Give your password again: this act counts as your signature."
        raise Forbidden(message, code="password_needed")


def _confirm(request: HttpRequest, user: User, password: str) -> None:
    if user.check_password(password):
        mark_fresh(request)
        return
    wrong = request.session.get(_WRONG, 0) + 1
    request.session[_WRONG] = wrong
    if wrong >= MOST_WRONG:
        logout(request)
        raise Forbidden("The password was wrong too often; sign in again.", code="password_wrong")
    raise Forbidden("The password is not yours. Nothing was done.", code="password_wrong")
