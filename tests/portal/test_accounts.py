"""Tokens, signing in, and what a token's scopes open."""

from __future__ import annotations

import hashlib
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from portal.accounts.access import ROLE_GRANTS, SCOPE_GRANTS, Permission, Role, Scope, actor_for_service
from portal.accounts.models import ServiceToken
from portal.accounts.services import issue_token
from portal.errors import Conflict, Invalid
from tests import factories


def test_a_token_is_kept_as_its_hash(lead) -> None:
    token = factories.make_token("read", name="ci")
    kept = ServiceToken.objects.get(name="ci")
    assert bytes(kept.token_sha256) == hashlib.sha256(token.encode()).digest()
    assert kept.created_by == "user:lead" and kept.scopes == ["read"]
    assert token.startswith("cs_") and len(token) > 40


@pytest.mark.parametrize("name,scopes", [("ci", []), ("ci", ["everything"]), ("CI", ["read"]), ("", ["read"])])
def test_a_token_needs_a_plain_name_and_known_scopes(lead, name: str, scopes: list[str]) -> None:
    with pytest.raises(Invalid):
        issue_token(name=name, scopes=scopes, actor=lead.actor, now=timezone.now())


def test_a_tokens_name_is_used_once(lead) -> None:
    factories.make_token("read", name="ci")
    with pytest.raises(Conflict):
        factories.make_token("decide", name="ci")


def test_the_database_knows_the_scopes_and_lets_no_token_be_deleted(lead) -> None:
    factories.make_token("read", name="ci")
    with pytest.raises(IntegrityError), transaction.atomic():
        ServiceToken.objects.filter(name="ci").update(scopes=["everything"])
    with pytest.raises(Exception, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("delete from accounts_token")


def test_issue_token_prints_the_token_alone_on_the_last_line(lead) -> None:
    out, err = StringIO(), StringIO()
    call_command("issue_token", "caller", "--scope", "decide", "--scope", "read", stdout=out, stderr=err)
    lines = out.getvalue().strip().splitlines()
    assert lines[-1].startswith("cs_") and " " not in lines[-1]
    assert lines[-1] not in err.getvalue()
    assert ServiceToken.objects.get(name="caller").scopes == ["decide", "read"]
    with pytest.raises(CommandError, match="A token named caller exists"):
        call_command("issue_token", "caller", "--scope", "read", stdout=StringIO(), stderr=StringIO())


def test_a_wrong_or_ended_token_is_a_401_in_the_errors_shape(lead) -> None:
    token = factories.make_token("read", name="ci")
    good = Client(headers={"authorization": f"Bearer {token}"})
    assert good.get("/api/v1/systems/").status_code == 200
    call_command("revoke_token", "ci", stderr=StringIO())
    with pytest.raises(CommandError, match="No token named ci is in force"):
        call_command("revoke_token", "ci", stderr=StringIO())
    for header in (f"Bearer {token}", "Bearer", "Bearer cs_wrong", "Bearer \u00e9"):
        answer = Client(headers={"authorization": header}).get("/api/v1/systems/")
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")
        assert answer["WWW-Authenticate"].startswith("Bearer")
    assert Client().get("/api/v1/systems/").status_code == 401


def test_leads_and_auditors_are_never_given_inputs() -> None:
    for role in (Role.ML_LEAD, Role.AUDITOR):
        assert Permission.DECISION_LIST in ROLE_GRANTS[role]
        assert not ROLE_GRANTS[role] & {Permission.DECISION_READ, Permission.DECISION_EXPLAIN}


def test_no_scope_approves_and_every_role_and_scope_is_granted_something() -> None:
    assert set(ROLE_GRANTS) == set(Role) and set(SCOPE_GRANTS) == set(Scope)
    assert not any(Permission.VERSION_APPROVE in grants for grants in SCOPE_GRANTS.values())
    assert not actor_for_service("ci", frozenset(Scope)).is_person
    granted = frozenset().union(*ROLE_GRANTS.values(), *SCOPE_GRANTS.values())
    by_command = {Permission.LAW_LOAD}
    assert granted == frozenset(Permission) - by_command


def test_signing_in_and_out(lead) -> None:
    browser = Client()
    asked = browser.get("/systems/")
    assert asked.status_code == 302 and asked["Location"] == "/sign-in/?next=/systems/"
    wrong = browser.post("/sign-in/", {"username": "lead", "password": "wrong"})
    assert wrong.status_code == 200 and "_auth_user_id" not in browser.session
    right = browser.post("/sign-in/?next=/systems/", {"username": "lead", "password": factories.PASSWORD})
    assert right.status_code == 302 and right["Location"] == "/systems/"
    assert browser.get("/systems/").status_code == 200
    elsewhere = Client().post(
        "/sign-in/?next=https://example.org/", {"username": "lead", "password": factories.PASSWORD}
    )
    assert elsewhere["Location"] == "/"
    assert browser.post("/sign-out/").status_code == 302
    assert browser.get("/systems/").status_code == 302


def test_the_demos_accounts_are_shown_in_the_demo_alone(db: None, settings) -> None:
    assert b"lena" not in Client().get("/sign-in/").content
    settings.DEMO_MODE = True
    assert b"lena" in Client().get("/sign-in/").content


def test_a_form_without_its_csrf_token_is_refused(lead) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(lead)
    assert browser.post("/sign-out/").status_code == 403
    assert browser.post("/systems/mortgage/production/rollback/", {"reason": "r"}).status_code == 403
    answer = browser.post("/api/v1/systems/mortgage/rollback/", {"reason": "r"}, content_type="application/json")
    assert answer.status_code == 403
