"""A CI identity proves a commit of a system that trusts its source: once, for that commit, and on the record."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections
from django.utils import timezone

from audit.models import Entry
from audit.queries import facts_of, text_of
from portal.errors import Refusal
from registry.models import Evidence, SeenIdentity, System, Version
from registry.provenance import services
from registry.tasks import let_go_of_identities
from tests import ci_tokens, factories
from tests.ci_tokens import COMMIT, github, gitlab, trust

VERSIONS = "/api/v1/systems/mortgage/versions/"
SHA, DIGEST = "ab" * 32, "sha256:" + "cd" * 32


def manifest(commit: str | None = COMMIT) -> bytes:
    """The seeded model's, with a commit and an image of its own."""
    said = json.loads(factories.trained_logistic().manifest)
    said |= {"source": {"commit": commit} if commit else {}, "image": {"digest": DIGEST}}
    return json.dumps(said).encode()


def register(client, token: str = "", commit: str | None = COMMIT, **headers: str):
    trained = factories.trained_logistic()
    files = {name: SimpleUploadedFile(name, getattr(trained, name)) for name in ("artifact", "background")}
    more = {"identity_token": token} if token else {}
    return client.post(VERSIONS, {"manifest": manifest(commit).decode(), **files, **more}, headers=headers)


def attach(client, token: str, number: int = 1):
    sent = {"kind": "commit", "verdict": "claimed", "summary": "See the token", "payload": {"identity_token": token}}
    return client.post(f"{VERSIONS}{number}/evidence/", json.dumps(sent), content_type="application/json")


def refusals() -> list[Entry]:
    return list(Entry.objects.filter(type="identity.refused").order_by("id"))


class TestRegistering:
    @pytest.mark.parametrize("by_header", [True, False])
    def test_a_trusted_run_turns_the_commit_from_a_claim_into_a_fact(self, api, trusted, by_header: bool) -> None:
        token = github()
        made = register(api("register"), **({"X-CI-Token": token} if by_header else {"token": token}))
        assert made.status_code == 201, made.json()
        gates = {gate["gate"]: gate for gate in made.json()["gates"]}
        [commit] = gates["commit"]["evidence"]
        assert (commit["verdict"], commit["recorded_by"]) == ("passed", "system:provenance")
        assert commit["source_url"] == "https://github.test/acme/credit/actions/runs/1001"
        assert commit["payload"]["claims"]["workflow_sha"] == "9" * 40
        for name in ("image", "training_data"):
            [claim] = gates[name]["evidence"]
            assert claim["verdict"] == "claimed"
            assert claim["payload"]["claimed_by"]["repository"] == "acme/credit"
        entry = Entry.objects.get(type="version.registered", version=3)
        assert facts_of(entry)["details"]["identity"]["commit"] == COMMIT

    def test_gitlab_likewise(self, api, compliance) -> None:
        trust(issuer=ci_tokens.GITLAB, claims=ci_tokens.GITLAB_PINS)
        made = register(api("register"), gitlab())
        assert made.status_code == 201
        [commit] = Evidence.objects.filter(version__number=3, kind="commit")
        assert commit.summary.endswith("vouched for by GitLab")

    def test_a_manifest_without_a_commit_gets_the_tokens(self, api, trusted) -> None:
        assert register(api("register"), github(), commit=None).status_code == 201
        assert COMMIT in Evidence.objects.get(version__number=3, kind="commit").summary

    @pytest.mark.parametrize(
        "token,code",
        [
            (lambda: github(sha="0" * 40), "identity_commit_differs"),
            (lambda: github(repository_id="43"), "identity_source_untrusted"),
            (lambda: github(repository_owner_id="8"), "identity_source_untrusted"),
            (lambda: github(ref="refs/heads/other"), "identity_source_untrusted"),
            (gitlab, "identity_source_untrusted"),
            (lambda: github(aud="https://other.test"), "identity_audience"),
            (lambda: "rubbish", "identity_malformed"),
        ],
    )
    def test_what_does_not_vouch_is_refused_and_recorded(self, api, trusted, token, code: str) -> None:
        sent = token()
        answer = register(api("register"), sent)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)
        [entry] = refusals()
        assert facts_of(entry)["details"]["code"] == code
        assert text_of(entry.id) == answer.json()["error"]["message"]
        assert Version.objects.count() == 2 and not SeenIdentity.objects.exists()

    def test_a_token_for_a_system_that_trusts_nobody(self, api, lead) -> None:
        answer = register(api("register"), github())
        assert answer.status_code == 422 and answer.json()["error"]["code"] == "no_trusted_source"
        assert "A compliance officer adds its repository" in answer.json()["error"]["message"]
        [entry] = refusals()
        claimed = {"issuer": ci_tokens.GITHUB, "repository": "acme/credit", "commit": COMMIT}
        assert facts_of(entry)["details"]["claimed"] == claimed

    def test_a_removed_source_vouches_no_more(self, api, trusted, compliance) -> None:
        services.remove_source(actor=compliance.actor, source=trusted, reason="Moved.", now=timezone.now())
        assert register(api("register"), github()).json()["error"]["code"] == "no_trusted_source"

    def test_a_token_vouches_once(self, api, trusted) -> None:
        token = github()
        assert register(api("register"), token).status_code == 201
        again = register(api("register"), token)
        assert (again.status_code, again.json()["error"]["code"]) == (422, "identity_replayed")
        assert attach(api("register"), token, 3).json()["error"]["code"] == "identity_replayed"
        assert len(refusals()) == 2 and Version.objects.count() == 3

    def test_an_upload_that_is_refused_does_not_use_the_token_up(self, api, trusted) -> None:
        token = github()
        files = {"artifact": SimpleUploadedFile("a", b"rubbish"), "background": SimpleUploadedFile("b", b"x")}
        sent = {"manifest": manifest().decode(), "identity_token": token, **files}
        assert api("register").post(VERSIONS, sent).status_code == 422
        assert register(api("register"), token).status_code == 201

    def test_without_a_token_a_commit_stays_a_claim(self, api, trusted) -> None:
        assert register(api("register")).status_code == 201
        assert Evidence.objects.get(version__number=3, kind="commit").verdict == "claimed"

    def test_who_may_not_register_learns_nothing_and_leaves_nothing(self, api, trusted) -> None:
        assert register(api("read"), "rubbish").status_code == 403
        assert refusals() == []

    def test_no_token_is_ever_kept(self, api, trusted) -> None:
        tokens = [github(), github(sha="0" * 40)]
        for token in tokens:
            register(api("register"), token)
        with connection.cursor() as cursor:
            cursor.execute("select convert_from(entry, 'UTF8') from audit_entry")
            kept = "".join(row[0] for row in cursor.fetchall())
        kept += "".join(text_of(entry.id) or "" for entry in refusals())
        kept += json.dumps(list(Evidence.objects.values_list("summary", "source_url", "payload")))
        assert not any(part in kept for token in tokens for part in token.split(".")[1:])


class TestAttaching:
    @pytest.fixture(autouse=True)
    def version_of_commit(self, api, trusted) -> None:
        assert register(api("register")).status_code == 201

    def test_a_run_vouches_for_a_version_that_is_there(self, api) -> None:
        made = attach(api("register"), github(), 3)
        assert (made.status_code, made.json()["verdict"]) == (201, "passed")
        assert "identity_token" not in made.json()["payload"]
        entry = Entry.objects.get(type="evidence.attached")
        assert facts_of(entry)["details"]["verdict"] == "passed"
        assert [item.verdict for item in Evidence.objects.filter(version__number=3, kind="commit")] == [
            "passed",
            "claimed",
        ]

    def test_another_commit_is_refused_and_recorded(self, api) -> None:
        answer = attach(api("register"), github(sha="0" * 40), 3)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "identity_commit_differs")
        [entry] = refusals()
        assert (entry.version, facts_of(entry)["details"]["code"]) == (3, "identity_commit_differs")

    def test_a_token_in_another_kind_of_evidence_is_not_kept(self, api) -> None:
        sent = {"kind": "scan", "verdict": "claimed", "summary": "s", "payload": {"identity_token": github(), "a": 1}}
        made = api("register").post(f"{VERSIONS}3/evidence/", json.dumps(sent), content_type="application/json")
        assert made.json()["payload"] == {"a": 1}


def test_of_two_calls_with_one_token_one_wins(committed: str) -> None:
    trust()
    lead, found = factories.person("lead").actor, factories.version(1)
    token = github(sha=found.spec.source.commit if found.spec.source else COMMIT)

    def act(_: int) -> str:
        try:
            services.vouch_for_version(actor=lead, version=found, token=token, now=timezone.now())
        except Refusal as refusal:
            return refusal.code
        finally:
            connections.close_all()
        return "done"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(act, range(4))) == ["done"] + ["identity_replayed"] * 3
    assert SeenIdentity.objects.count() == 1 and len(refusals()) == 3


def test_expired_tokens_are_forgotten(trusted) -> None:
    now = timezone.now()
    for name, age in (("old", timedelta(minutes=-5)), ("young", timedelta(minutes=5))):
        SeenIdentity.objects.create(issuer="i", jti=name, expires_at=now + age)
    let_go_of_identities()
    assert [seen.jti for seen in SeenIdentity.objects.all()] == ["young"]


def test_the_system_is_the_one_that_trusts(api, trusted, lead) -> None:
    other = factories.make_system(lead.actor, "loans")
    assert not services.queries.sources_of(other).exists()
    assert System.objects.get(slug="mortgage").trusted_sources.get() == trusted
