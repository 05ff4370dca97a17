"""Whom a system trusts: compliance officers say so, by page and by the API, and each change is on the record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from audit.models import Entry
from audit.queries import facts_of, text_of
from registry.models import TrustedSource
from tests import ci_tokens

PAGE = "/systems/mortgage/trusted-sources/"
API = "/api/v1/systems/mortgage/trusted-sources/"
FORM = {
    "name": "acme/credit",
    "issuer": ci_tokens.GITHUB,
    "repository": "42",
    "owner": "7",
    "ref": "refs/heads/main",
    "workflow": "",
    "environment": "",
    "reason": "Trains the model.",
}
BODY = {"name": "acme/credit", "issuer": ci_tokens.GITHUB, "claims": ci_tokens.GITHUB_PINS, "reason": "Trains it."}


def post(client, path: str, body: dict[str, Any]):
    return client.post(path, json.dumps(body), content_type="application/json")


class TestPage:
    def test_a_source_is_trusted_and_removed(self, client_of, compliance) -> None:
        browser = client_of(compliance)
        assert b"No source is trusted yet" in browser.get(PAGE).content
        page = browser.post(PAGE, FORM, follow=True)
        assert page.status_code == 200 and b"CI of acme/credit may vouch" in page.content
        source = TrustedSource.objects.get()
        assert (source.claims, source.trusted_by) == (ci_tokens.GITHUB_PINS, "user:compliance")
        entry = Entry.objects.get(type="source.trusted")
        assert facts_of(entry)["details"]["claims"] == ci_tokens.GITHUB_PINS
        assert text_of(entry.id) == "Trains the model."
        assert browser.post(f"{PAGE}{source.pk}/remove/", {}).status_code == 422
        page = browser.post(f"{PAGE}{source.pk}/remove/", {"reason": "Moved."}, follow=True)
        assert b"vouches for nothing more" in page.content and b"No source is trusted yet" in page.content
        assert TrustedSource.objects.get().removed_by == "user:compliance"
        assert text_of(Entry.objects.get(type="source.removed").id) == "Moved."
        assert browser.post(f"{PAGE}{source.pk}/remove/", {"reason": "Again."}).status_code == 409

    def test_gitlabs_own_names_for_the_claims(self, client_of, compliance) -> None:
        client_of(compliance).post(PAGE, {**FORM, "issuer": ci_tokens.GITLAB, "ref": "main"})
        assert TrustedSource.objects.get().claims == {"project_id": "42", "namespace_id": "7", "ref": "main"}

    def test_what_is_wrong_is_said_and_the_words_are_kept(self, client_of, compliance) -> None:
        browser = client_of(compliance)
        page = browser.post(PAGE, {**FORM, "repository": "acme/credit", "reason": "Because we train there."})
        assert page.status_code == 422 and b"Because we train there." in page.content
        assert page.content.count(b"This must be the number, not the name.") == 2  # in the summary, and at its field
        browser.post(PAGE, FORM)
        page = browser.post(PAGE, FORM)
        assert page.status_code == 422 and b"This source is trusted already." in page.content
        assert TrustedSource.objects.count() == 1

    def test_others_see_it_without_a_form(self, client_of, lead, compliance) -> None:
        ci_tokens.trust()
        page = client_of(lead).get(PAGE)
        assert b"acme/credit" in page.content and b"<textarea" not in page.content
        assert client_of(lead).post(PAGE, FORM).status_code == 403
        assert TrustedSource.objects.count() == 1


class TestApi:
    def test_a_source_is_trusted_listed_and_removed(self, api, client_of, compliance) -> None:
        officer = client_of(compliance)
        made = post(officer, API, BODY)
        assert made.status_code == 201, made.json()
        body = made.json()
        assert body.items() >= {"name": "acme/credit", "claims": ci_tokens.GITHUB_PINS, "removed_at": None}.items()
        assert api("read").get(API).json() == [body]
        removed = post(officer, f"{API}{body['id']}/remove/", {"reason": "Moved."})
        assert removed.status_code == 200 and removed.json()["removed_by"] == "user:compliance"
        assert api("read").get(API).json() == []
        assert post(officer, f"{API}{body['id']}/remove/", {"reason": "Moved."}).status_code == 409
        assert post(officer, f"{API}999/remove/", {"reason": "Moved."}).status_code == 404

    @pytest.mark.parametrize(
        "changes,path",
        [
            ({"issuer": "https://elsewhere.test"}, "issuer"),
            ({"claims": {"repository_id": "42"}}, "claims.repository_owner_id"),
            ({"claims": {**ci_tokens.GITHUB_PINS, "repository": "acme/credit"}}, "claims.repository"),
            ({"claims": {**ci_tokens.GITHUB_PINS, "repository_id": "acme"}}, "claims.repository_id"),
            ({"claims": {**ci_tokens.GITHUB_PINS, "ref": ""}}, "claims.ref"),
            ({"claims": {}}, "claims.repository_id"),
            ({"reason": ""}, "reason"),
        ],
    )
    def test_what_breaks_a_rule_is_named(self, client_of, compliance, changes: dict, path: str) -> None:
        answer = post(client_of(compliance), API, {**BODY, **changes})
        assert answer.status_code == 422
        assert path in [item["path"] for item in answer.json()["error"]["details"]]
        assert not TrustedSource.objects.exists()

    @pytest.mark.parametrize("scope", ["register", "release", "read"])
    def test_no_service_says_whom_to_trust(self, api, lead, scope: str) -> None:
        assert post(api(scope), API, BODY).status_code == 403
