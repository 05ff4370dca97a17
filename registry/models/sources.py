"""Whose CI is believed."""

from __future__ import annotations

from django.db import models

from .systems import System


class TrustedSource(models.Model):
    """A repository whose CI may vouch for a system's versions, by claims that its token must carry.

    PII: staff names.
    """

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="trusted_sources")
    # For people alone: a repository is told by its id.
    name = models.CharField(max_length=160)
    issuer = models.CharField(max_length=255)
    # {"repository_id": "42", "ref": "refs/heads/main"}
    claims = models.JSONField()
    trusted_by = models.CharField(max_length=160)
    trusted_at = models.DateTimeField()
    removed_by = models.CharField(max_length=160, null=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]


class SeenIdentity(models.Model):
    """A CI token that was used, kept until it expires, so that it is not used twice. PII: none."""

    issuer = models.CharField(max_length=255)
    jti = models.CharField(max_length=255)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "jti"], name="identity_seen_once")]
