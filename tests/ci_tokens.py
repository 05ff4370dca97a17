"""A CI of the tests' own: keys, the set that it publishes, and tokens as GitHub and GitLab would sign them."""

from __future__ import annotations

import itertools
import json
import time
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.conf import settings
from django.utils import timezone
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from registry.models import TrustedSource
from registry.provenance import services
from tests import factories

GITHUB, GITLAB = "https://github.test", "https://gitlab.test"
AUDIENCE = "https://portal.test"
COMMIT = "1f2e3d4c" * 5
_numbers = itertools.count(1)

GITHUB_PINS = {"repository_id": "42", "repository_owner_id": "7", "ref": "refs/heads/main"}
GITLAB_PINS = {"project_id": "574", "namespace_id": "72", "ref": "main"}


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """An RSA key for each name."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    """A key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def jwks(*names: str, with_ec: bool = False) -> dict[str, Any]:
    """The public keys of these names, as an issuer publishes them."""
    keys = [{**RSAAlgorithm.to_jwk(rsa_key(name).public_key(), as_dict=True), "kid": name} for name in names]
    if with_ec:
        keys.append({**ECAlgorithm.to_jwk(ec_key().public_key(), as_dict=True), "kid": "curve"})
    return {"keys": keys}


@cache
def publish() -> None:
    """The public keys, where the tests' settings say that they are."""
    Path(settings.CI_KEYS_FILE).write_text(json.dumps(jwks("first", with_ec=True)), encoding="utf-8")


def github_claims(**changes: Any) -> dict[str, Any]:
    """The claims of a run on the main branch of acme/credit; a change to None leaves one out."""
    workflow = "acme/credit/.github/workflows/train.yml@refs/heads/main"
    claims = {
        **_times(),
        "iss": GITHUB,
        "aud": AUDIENCE,
        "sub": "repo:acme/credit:ref:refs/heads/main",
        "jti": f"jti-{next(_numbers)}",
        "repository": "acme/credit",
        "repository_id": "42",
        "repository_owner": "acme",
        "repository_owner_id": "7",
        "ref": "refs/heads/main",
        "sha": COMMIT,
        "event_name": "push",
        "workflow_ref": workflow,
        "job_workflow_ref": workflow,
        "workflow_sha": "9" * 40,
        "run_id": "1001",
        "run_attempt": "1",
        "actor": "lena",
        "runner_environment": "github-hosted",
    }
    return _without_none({**claims, **changes})


def gitlab_claims(**changes: Any) -> dict[str, Any]:
    """The claims of a pipeline on the protected main branch of acme/credit."""
    claims = {
        **_times(),
        "iss": GITLAB,
        "aud": AUDIENCE,
        "sub": "project_path:acme/credit:ref_type:branch:ref:main",
        "jti": f"jti-{next(_numbers)}",
        "project_id": "574",
        "project_path": "acme/credit",
        "namespace_id": "72",
        "namespace_path": "acme",
        "pipeline_id": "888",
        "pipeline_source": "push",
        "job_id": "302",
        "ref": "main",
        "ref_type": "branch",
        "ref_protected": "true",
        "runner_environment": "self-hosted",
        "sha": COMMIT,
        "user_login": "lena",
    }
    return _without_none({**claims, **changes})


def signed(claims: dict[str, Any], *, key: Any = None, alg: str = "RS256", kid: str = "first") -> str:
    """The token, whatever it claims."""
    publish()
    payload, signing_key = json.dumps(claims).encode(), rsa_key("first") if key is None else key
    return jwt.PyJWS().encode(payload, signing_key, algorithm=alg, headers={"kid": kid})


def github(**changes: Any) -> str:
    """A signed token of GitHub's kind."""
    return signed(github_claims(**changes))


def gitlab(**changes: Any) -> str:
    """A signed token of GitLab's kind."""
    return signed(gitlab_claims(**changes))


def trust(by: str = "compliance", **changes: Any) -> TrustedSource:
    """A source that the seeded system trusts from now on: acme/credit on GitHub, unless told otherwise."""
    facts = {"name": "acme/credit", "issuer": GITHUB, "claims": GITHUB_PINS, "reason": "Trains the model.", **changes}
    system = factories.version(1).system
    return services.trust_source(actor=factories.person(by).actor, system=system, now=timezone.now(), **facts)


def _times() -> dict[str, int]:
    now = int(time.time())
    return {"iat": now - 5, "nbf": now - 5, "exp": now + 300}


def _without_none(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if value is not None}
