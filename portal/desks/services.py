"""Acts of accounts, recorded: accounts themselves lie below the trail and know nothing of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from django.db import transaction

import audit.services as trail
from portal.accounts import services as accounts
from portal.accounts.access import Actor, Role
from portal.accounts.models import User


class Event(StrEnum):
    """Names of the acts."""

    SIGNED_IN = "session.start"
    TOKEN_ISSUED = "token.issued"  # noqa: S105 - the name of an act
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - likewise
    ROLES_GIVEN = "person.roles_given"


@transaction.atomic
def record_sign_in(*, actor: Actor) -> None:
    """Record that the person signed in."""
    trail.record(actor=actor, event=Event.SIGNED_IN)


@transaction.atomic
def issue_token(*, name: str, scopes: Iterable[str], actor: Actor, now: datetime) -> str:
    """A new service token, shown this once; refused as `accounts.issue_token` says."""
    wanted = sorted(set(scopes))
    token = accounts.issue_token(name=name, scopes=wanted, actor=actor, now=now)
    trail.record(actor=actor, event=Event.TOKEN_ISSUED, object=f"service:{name}", details={"scopes": wanted})
    return token


@transaction.atomic
def revoke_token(*, name: str, actor: Actor, now: datetime) -> None:
    """End a service token: portal and gateways refuse it from now on. Refused as `accounts.revoke_token` says."""
    accounts.revoke_token(name=name, now=now)
    trail.record(actor=actor, event=Event.TOKEN_REVOKED, object=f"service:{name}")


@transaction.atomic
def employ(*, actor: Actor, username: str, name: str, password: str, roles: Iterable[Role]) -> User:
    """A person with these roles; one who exists is given the name, password and roles anew."""
    given = sorted(set(roles))
    person = accounts.create_person(username=username, name=name, password=password, roles=given)
    trail.record(actor=actor, event=Event.ROLES_GIVEN, object=f"user:{username}", details={"roles": given})
    return person
