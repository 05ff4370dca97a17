"""Models that are served elsewhere: the way to ask them, by the operator's rules."""

from __future__ import annotations

from django.conf import settings

from registry.scoring.endpoints import Endpoints, endpoints_from
from registry.scoring.manifest import Manifest
from registry.scoring.remote import Ask


def endpoints() -> Endpoints:
    """The operator's rules as they stand in the settings."""
    hosts, tokens = settings.REMOTE_MODEL_HOSTS, settings.REMOTE_MODEL_TOKENS
    return endpoints_from(hosts, tokens, settings.REMOTE_MODEL_SECONDS)


def way_to(manifest: Manifest, *, deadline: float | None = None) -> Ask | None:
    """How the manifest's model is asked, until the deadline (monotonic, s); None for a model that is here."""
    endpoint = manifest.model.endpoint
    return endpoints().ask(endpoint, deadline=deadline) if endpoint else None
