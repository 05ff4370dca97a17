"""Readiness, metrics, and the headers that every page carries."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test import Client

from tests import factories


@pytest.fixture
def sealing(committed: str, owner) -> None:
    """Everything is sealed, and the sealer has just said that it is there."""
    owner.execute("delete from audit_pending")
    owner.execute("update audit_sealer set beat_at = now()")


def test_healthz_is_200_when_ready_and_names_what_is_not(sealing: None, settings) -> None:
    ready = Client().get("/healthz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "problems": []})
    settings.CELERY_BROKER_URL = "redis+socket:///nowhere/redis.sock"
    down = Client().get("/healthz")
    assert (down.status_code, down.json()["problems"]) == (503, ["The broker does not answer"])


@pytest.mark.parametrize(
    "harm,words",
    [
        ("update audit_sealer set beat_at = now() - interval '31 seconds'", "The sealer does not run."),
        ("update audit_sealer set beat_at = null", "The sealer does not run."),
        ("update audit_sealer set problem = 'Halted: the tree forked.'", "The sealer: Halted: the tree forked."),
        (
            "insert into audit_pending values ('01900000-0000-7000-8000-000000000000', sha256(''))",
            "Records wait to be sealed for more than a minute.",
        ),
    ],
)
def test_healthz_says_when_records_are_not_sealed(sealing: None, owner, harm: str, words: str) -> None:
    owner.execute(harm)
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()["problems"]) == (503, [words])


def test_metrics_tell_how_far_the_log_is(sealing: None) -> None:
    factories.decided()
    text = Client().get("/metrics").text
    assert "trail_tree_size 0.0" in text and "trail_oldest_unsealed_seconds" in text


def test_healthz_says_when_next_months_partition_is_not_there(sealing: None, owner) -> None:
    owner.execute("do $$ declare t text; begin for t in select inhrelid::regclass::text from pg_inherits"
                  " where inhparent = 'audit_entry'::regclass loop execute 'drop table ' || t; end loop; end $$")
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()["problems"]) == (503, ["The trail has no partition for next month"])


def test_healthz_says_when_the_database_does_not_answer(committed: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = "nowhere"
    answer = Client().get("/healthz")
    connection.close()
    assert answer.status_code == 503
    assert "PostgreSQL does not answer" in json.loads(answer.content)["problems"]


def test_metrics_are_prometheus_text(db: None) -> None:
    answer = Client().get("/metrics")
    assert answer.status_code == 200 and b"# HELP" in answer.content


def test_pages_run_no_inline_script_and_load_nothing_from_elsewhere(client_of, lead) -> None:
    answer = client_of(lead).get("/")
    policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert policy["default-src"] == policy["script-src"] == policy["form-action"] == "'self'"
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert "http" not in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY" and answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"


def test_a_fault_of_ours_shows_no_trace(client_of, lead, monkeypatch) -> None:
    import registry.queries

    monkeypatch.setattr(registry.queries, "systems_visible_to", lambda actor: 1 / 0)
    for path in ("/systems/", "/api/v1/systems/"):
        browser = client_of(lead)
        browser.raise_request_exception = False
        answer = browser.get(path)
        assert answer.status_code == 500 and b"ZeroDivision" not in answer.content
    assert answer.json()["error"]["code"] == "fault"
