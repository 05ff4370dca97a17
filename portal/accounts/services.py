"""Tokens made and ended, people given their roles."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from portal.accounts.access import Actor, Role, Scope
from portal.accounts.models import ServiceToken, User
from portal.errors import Conflict, Invalid, Problem

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
TOKEN_PREFIX = "cs_"


def token_digest(token: str) -> bytes:
    """The SHA-256 under which a token is kept."""
    return hashlib.sha256(token.encode()).digest()


def issue_token(*, name: str, scopes: Iterable[str], actor: Actor, now: datetime) -> str:
    """A new token, shown this once. `Invalid` for an unknown scope or bad name, `Conflict` for a name in use."""
    wanted = sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in set(Scope)]
    if unknown or not wanted:
        known = ", ".join(Scope)
        raise Invalid("A token needs known scopes.", details=[Problem("scope", f"must be among: {known}")])
    if not _NAME.match(name):
        raise Invalid("A token's name is 1–64 small letters, digits, dots and dashes.")
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            ServiceToken.objects.create(
                name=name, token_sha256=token_digest(token), scopes=wanted, created_by=actor.label, created_at=now
            )
    except IntegrityError:
        raise Conflict(f"A token named {name} exists; tokens are never shown again, so choose another name.") from None
    return token


def revoke_token(*, name: str, now: datetime) -> None:
    """End a token for good. `Conflict` where none of that name is in force."""
    if not ServiceToken.objects.filter(name=name, revoked_at=None).update(revoked_at=now):
        raise Conflict(f"No token named {name} is in force.", code="no_token")


@transaction.atomic
def create_person(*, username: str, name: str, password: str, roles: Iterable[Role]) -> User:
    """A person with these roles; one who exists is given the name, password and roles anew."""
    first, _, last = name.partition(" ")
    user, _ = User.objects.get_or_create(username=username)
    user.first_name, user.last_name = first, last
    user.set_password(password)
    user.save()
    user.groups.set([Group.objects.get_or_create(name=role.value)[0] for role in roles])
    return user
