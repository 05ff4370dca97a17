"""People who sign in and tokens of services. Personal data: names and e-mail addresses of staff."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models

from portal.accounts.access import Actor, Role, Scope, actor_for_service, actor_for_user


class User(AbstractUser):
    """A member of staff or an auditor; roles are the Django groups of the same names."""

    @property
    def roles(self) -> frozenset[Role]:
        """The desks at which this person sits. One query, kept for the life of the object."""
        if not hasattr(self, "_roles"):
            names = set(self.groups.values_list("name", flat=True))
            self._roles = frozenset(role for role in Role if role in names)
        return self._roles

    @property
    def actor(self) -> Actor:
        """Who this person is when acting."""
        return actor_for_user(self.username, self.get_full_name() or self.username, self.roles)


class ServiceToken(models.Model):
    """A bearer token of a service, stored as its SHA-256 (the token has 256 random bits: no salt is needed).

    PII: none. Never deleted: the trail names it; `revoked_at` ends it.
    """

    name = models.CharField(max_length=64, unique=True)
    token_sha256 = models.BinaryField(max_length=32, unique=True)
    scopes = ArrayField(models.CharField(max_length=16))
    created_by = models.CharField(max_length=160)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "accounts_token"
        constraints = [
            models.CheckConstraint(
                name="token_scopes_known",
                condition=models.Q(scopes__contained_by=[scope.value for scope in Scope])
                & ~models.Q(scopes__len=0),
            )
        ]

    @property
    def actor(self) -> Actor:
        """Who this token is when acting."""
        return actor_for_service(self.name, frozenset(Scope(scope) for scope in self.scopes))
