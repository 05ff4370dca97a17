"""Whose CI tokens are believed at all: GitHub's and GitLab's own, and those that the operator names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from portal.env import Misconfigured

KINDS = ("github", "gitlab")
GITHUB = "https://token.actions.githubusercontent.com"
GITLAB = "https://gitlab.com"
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
# GitLab publishes its keys beside OpenID's other addresses, GitHub below its issuer.
PUBLIC = (
    {"issuer": GITHUB, "kind": "github", "jwks_url": f"{GITHUB}/.well-known/jwks"},
    {"issuer": GITLAB, "kind": "gitlab", "jwks_url": f"{GITLAB}/oauth/discovery/keys"},
)


@dataclass(frozen=True)
class Issuer:
    """One signer of CI tokens, for whom its tokens must be meant, and where its public keys are."""

    issuer: str
    audience: str
    kind: str
    jwks_url: str = ""
    jwks_file: str = ""


def issuers_from(text: str, audience: str) -> dict[str, Issuer]:
    """Every issuer by its name. An entry of `text` (a JSON list) replaces the public one of the same name.

    `Misconfigured` with what to correct.
    """
    try:
        given = json.loads(text) if text else []
    except ValueError as error:
        raise Misconfigured(f"CI_ISSUERS must be a JSON list: {error}.") from None
    if not isinstance(given, list):
        raise Misconfigured("CI_ISSUERS must be a JSON list of objects.")
    issuers = [_issuer({"audience": audience, **item}) for item in PUBLIC]
    issuers += [_issuer(item) for item in given]
    return {issuer.issuer: issuer for issuer in issuers}


@cache
def known_issuers() -> dict[str, Issuer]:
    """The issuers of this installation, read once from the settings."""
    return issuers_from(settings.CI_ISSUERS, settings.CI_AUDIENCE)


def _issuer(item: Any) -> Issuer:
    if not isinstance(item, dict) or not all(isinstance(value, str) and value for value in item.values()):
        raise Misconfigured("Each of CI_ISSUERS must be an object of texts.")
    unknown = set(item) - {"issuer", "audience", "kind", "jwks_url", "jwks_file"}
    missing = {"issuer", "audience", "kind"} - set(item)
    if unknown or missing:
        problem = f"has no use for {', '.join(sorted(unknown))}" if unknown else f"needs {', '.join(sorted(missing))}"
        raise Misconfigured(f"One of CI_ISSUERS {problem}.")
    if item["kind"] not in KINDS:
        raise Misconfigured(f"The kind of {item['issuer']} in CI_ISSUERS must be one of: {', '.join(KINDS)}.")
    if ("jwks_url" in item) == ("jwks_file" in item):
        raise Misconfigured(f"{item['issuer']} in CI_ISSUERS needs either jwks_url or jwks_file.")
    if "jwks_url" in item and not _is_safe(item["jwks_url"]):
        raise Misconfigured(f"The jwks_url of {item['issuer']} in CI_ISSUERS must be an https address.")
    return Issuer(**item)


def _is_safe(url: str) -> bool:
    """Whoever could change the keys on their way could vouch for anything."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
