"""Who asks: bearer tokens for services, sessions for people; both become an `Actor`."""

from __future__ import annotations

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from portal.accounts.access import Actor
from portal.accounts.models import ServiceToken
from portal.accounts.services import token_digest


class Service:
    """What DRF calls the user of a request that came with a token."""

    is_authenticated = True
    is_anonymous = False
    is_active = True

    def __init__(self, token: ServiceToken) -> None:
        self.actor = token.actor
        self.username = token.actor.label
        self.pk = None


class BearerTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer TOKEN`; a wrong or ended token is a 401, no token leaves it to the next method."""

    def authenticate(self, request: Request) -> tuple[Service, ServiceToken] | None:
        kind, _, value = get_authorization_header(request).partition(b" ")
        if kind.lower() != b"bearer":
            return None
        try:
            digest = token_digest(value.strip().decode("ascii"))
        except UnicodeDecodeError:
            raise AuthenticationFailed("The token is not one of ours.") from None
        token = ServiceToken.objects.filter(token_sha256=digest, revoked_at=None).first()
        if token is None:
            raise AuthenticationFailed("The token is not one of ours, or was revoked.")
        return Service(token), token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="countersign"'


def actor_if_any(request: HttpRequest) -> Actor | None:
    """The actor behind a request to a page or to the API, before either has asked; None for the anonymous."""
    if request.user.is_authenticated:
        return request.user.actor
    try:
        found = BearerTokenAuthentication().authenticate(request)
    except AuthenticationFailed:
        return None
    return found[0].actor if found else None


def actor_of(request: HttpRequest) -> Actor:
    """The actor behind a page request; the pages are closed to the anonymous, so there is always one."""
    return request.user.actor


def actor_of_rest(request: Request) -> Actor:
    """The actor behind an API request: a person's session or a service's token."""
    return request.user.actor
