"""Refusals: one JSON shape, one page each, and the same answer for what is hidden and what is missing."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from portal.errors import Conflict, Hidden, Invalid, Malformed, Problem, TooLarge
from tests import factories


@pytest.mark.parametrize(
    "refusal,status,code",
    [
        (Malformed("m"), 400, "malformed"),
        (Hidden(), 404, "not_found"),
        (Conflict("m"), 409, "conflict"),
        (TooLarge("m"), 413, "too_large"),
        (Invalid("m", code="inputs_invalid"), 422, "inputs_invalid"),
    ],
)
def test_each_refusal_has_its_status_and_code(refusal, status: int, code: str) -> None:
    assert (refusal.status, refusal.body()["error"]["code"]) == (status, code)


def test_the_body_is_the_contracts() -> None:
    body = Invalid("No.", details=[Problem("inputs.pirat", "is required")]).body()
    assert body == {
        "error": {
            "code": "invalid",
            "message": "No.",
            "details": [{"path": "inputs.pirat", "problem": "is required"}],
        }
    }


def test_hidden_and_missing_give_the_same_page(client_of, lead, outsider) -> None:
    there, nowhere = "/systems/mortgage/", "/systems/nowhere/"
    assert client_of(lead).get(there).status_code == 200
    hidden, missing = client_of(outsider).get(there), client_of(lead).get(nowhere)
    assert hidden.status_code == missing.status_code == 404
    assert b"There is nothing here, or you may not see it." in hidden.content
    assert b"There is nothing here, or you may not see it." in missing.content


def test_hidden_and_missing_give_the_same_json(api, lead) -> None:
    entry = factories.decided()
    hidden = api("decide").get(f"/api/v1/decisions/{entry.id}/")
    missing = api("read").get(f"/api/v1/decisions/{uuid.uuid4()}/")
    no_address = api("read").get("/api/v1/nothing/")
    assert hidden.status_code == missing.status_code == no_address.status_code == 404
    assert hidden.content == missing.content and hidden.json() == no_address.json()


def test_a_request_id_is_kept_or_made(db: None) -> None:
    given = Client().get("/healthz", headers={"x-request-id": "mine-1"})
    assert given["X-Request-ID"] == "mine-1"
    bad = Client().get("/healthz", headers={"x-request-id": "a b\nc"})
    assert len(bad["X-Request-ID"]) == 32
