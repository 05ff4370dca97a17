"""Which tokens of CI are genuine: each way in which one is not is refused by a code of its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from django.utils import timezone

from registry.provenance.identity import Identity, verify
from registry.provenance.issuers import known_issuers
from registry.provenance.keys import KeyStore
from registry.vouching import IdentityRefused
from tests import ci_tokens
from tests.ci_tokens import COMMIT, github, github_claims, gitlab, rsa_key, signed


@pytest.fixture
def check() -> Any:
    """Verifies a token against the tests' own issuers."""
    keys = KeyStore()

    def _check(token: str, now: datetime | None = None) -> Identity:
        return verify(token, issuers=known_issuers(), find_key=keys.find, now=now or timezone.now())

    return _check


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned() -> str:
    return f"{part({'alg': 'none', 'kid': 'first'})}.{part(github_claims())}."


def signed_by_the_public_key() -> str:
    """The classic confusion: the public key, which everybody has, taken as a shared secret."""
    public = rsa_key("first").public_key()
    form, shape = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    message = f"{part({'alg': 'HS256', 'kid': 'first', 'typ': 'JWT'})}.{part(github_claims())}"
    mac = hmac.new(public.public_bytes(form, shape), message.encode(), hashlib.sha256).digest()
    return f"{message}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def altered() -> str:
    head, _, signature = github().split(".")
    return f"{head}.{part(github_claims(repository_id='43'))}.{signature}"


def at(seconds: float) -> int:
    return int(time.time() + seconds)


REFUSED = [
    (lambda: "", "malformed"),
    (lambda: "a.b.c", "malformed"),
    (lambda: github()[:-20] + "ä", "malformed"),
    (lambda: github() + "x" * 20_000, "malformed"),
    (unsigned, "algorithm"),
    (signed_by_the_public_key, "algorithm"),
    (lambda: signed(github_claims(), alg="PS256"), "algorithm"),
    (altered, "signature"),
    (lambda: signed(github_claims(), key=rsa_key("stranger")), "signature"),
    (lambda: signed(github_claims(), kid="curve"), "malformed"),  # an RSA signature under the id of an EC key
    (lambda: signed(github_claims(), kid="nobody"), "key_unknown"),
    (lambda: signed(github_claims(), kid=""), "key_unknown"),
    (lambda: github(iss="https://github.evil"), "issuer"),
    (lambda: github(iss=["https://github.test"]), "issuer"),
    (lambda: github(aud="https://elsewhere.test"), "audience"),
    (lambda: github(aud=[ci_tokens.AUDIENCE]), "audience"),
    *[(lambda name=name: github(**{name: None}), "claim_missing") for name in ("exp", "iat", "sub", "jti", "aud")],
    (lambda: github(exp=at(-31)), "expired"),
    (lambda: github(nbf=at(40)), "not_yet_valid"),
    (lambda: github(iat=at(40)), "not_yet_valid"),
    (lambda: github(exp=at(32 * 86_400)), "too_long"),
    (lambda: github(exp=1e300), "malformed"),
    (lambda: github(exp="tomorrow"), "malformed"),
    (lambda: github(exp=True), "malformed"),
    (lambda: github(jti=""), "malformed"),
    (lambda: github(jti="a\x00b"), "malformed"),
    (lambda: github(jti=17), "malformed"),
    (lambda: github(event_name="pull_request"), "pull_request"),
    (lambda: github(event_name="pull_request_target"), "pull_request"),
    (lambda: github(sha="main", workflow_sha=COMMIT), "commit_missing"),
    (lambda: github(sha=None, workflow_sha=None), "commit_missing"),
    (lambda: gitlab(pipeline_source="merge_request_event"), "pull_request"),
    (lambda: gitlab(pipeline_source="external_pull_request_event"), "pull_request"),
    (lambda: gitlab(ref_protected="false"), "ref_unprotected"),
    (lambda: gitlab(ref_protected=True), "ref_unprotected"),  # it is text, or no token of GitLab's
    (lambda: gitlab(ref_protected=None), "ref_unprotected"),
]


@pytest.mark.parametrize("make,code", REFUSED, ids=[f"{number}-{code}" for number, (_, code) in enumerate(REFUSED)])
def test_what_is_not_genuine_is_refused_by_its_own_code(check, make, code: str) -> None:
    token = make()
    with pytest.raises(IdentityRefused) as refused:
        check(token)
    assert refused.value.code == f"identity_{code}"
    assert not token or token not in refused.value.message


def test_a_run_on_github_proves_a_commit(check) -> None:
    voucher = check(github()).voucher
    assert (voucher.commit, voucher.repository) == (COMMIT, "acme/credit")
    assert voucher.summary == (
        f"Commit {COMMIT} of acme/credit, built by workflow .github/workflows/train.yml on refs/heads/main, "
        "vouched for by GitHub"
    )
    assert voucher.source_url == "https://github.test/acme/credit/actions/runs/1001"
    assert voucher.claims["runner_environment"] == "github-hosted" and "jti" not in voucher.claims


def test_a_pipeline_on_gitlab_proves_a_commit(check) -> None:
    voucher = check(gitlab()).voucher
    assert voucher.commit == COMMIT
    assert voucher.summary.endswith("of acme/credit, built by pipeline 888 on main, vouched for by GitLab")
    assert voucher.source_url == "https://gitlab.test/acme/credit/-/pipelines/888"


def test_the_workflows_commit_stands_in_where_the_token_has_no_other(check) -> None:
    assert check(github(sha=None)).voucher.commit == "9" * 40


def test_curves_are_understood(check) -> None:
    token = signed(github_claims(), key=ci_tokens.ec_key(), alg="ES256", kid="curve")
    assert check(token).voucher.commit == COMMIT


def test_clocks_may_differ_by_half_a_minute(check) -> None:
    now = datetime.now(UTC)
    seconds = int(now.timestamp())
    token = github(iat=seconds, nbf=seconds, exp=seconds + 60)
    for shift in (-29, 89):
        check(token, now + timedelta(seconds=shift))
    for shift, code in ((-32, "not_yet_valid"), (92, "expired")):
        with pytest.raises(IdentityRefused) as refused:
            check(token, now + timedelta(seconds=shift))
        assert refused.value.code == f"identity_{code}"


def test_long_and_odd_claims_stay_out_of_sentences_and_addresses(check) -> None:
    odd = check(github(repository="acme/" + "x" * 240, workflow_ref=None, job_workflow_ref="\n<b>", run_id="1/../2"))
    assert len(odd.voucher.summary) < 500 and "<b>" not in odd.voucher.summary and odd.voucher.source_url == ""
    assert check(github(repository="javascript:alert(1)")).voucher.source_url == ""


def test_what_a_refused_token_claimed_is_kept_short_and_printable(check) -> None:
    with pytest.raises(IdentityRefused) as refused:
        check(github(repository="a\x00b" + "c" * 500, aud="nobody"))
    assert refused.value.claimed["repository"] == "a?b" + "c" * 197
    assert refused.value.claimed["issuer"] == ci_tokens.GITHUB
