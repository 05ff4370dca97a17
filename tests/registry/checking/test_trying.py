"""A dry run: every gate's verdict at once, one entry in the trail, and nothing that stays."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from audit.models import Entry
from audit.queries import facts_of
from registry.checking import trying
from registry.models import CheckRun, Evidence, SeenIdentity, Version
from tests import ci_tokens, factories

VERSIONS = "/api/v1/systems/mortgage/versions/"
DRY_RUN = f"{VERSIONS}?dry_run=1"


def parts(**changes: bytes | None) -> dict[str, Any]:
    trained = factories.trained_boosting()
    names = ("manifest", "artifact", "background", "evaluation")
    given = {**{name: getattr(trained, name) for name in names}, **changes}
    return {name: SimpleUploadedFile(name, data) for name, data in given.items() if data is not None}


def rows_and_files(settings: Any) -> tuple[int, ...]:
    """What a dry run must leave alone."""
    stored = [file for file in Path(settings.ARTIFACT_DIR).rglob("*") if file.is_file()]
    return *(model.objects.count() for model in (Version, Evidence, CheckRun, SeenIdentity)), len(stored)


@pytest.fixture
def ci(api, lead) -> Client:
    return api("register")


def test_every_gate_is_judged_and_nothing_stays(ci: Client, settings: Any) -> None:
    before, entries = rows_and_files(settings), Entry.objects.count()
    answer = ci.post(DRY_RUN, parts())
    body = answer.json()
    assert answer.status_code == 200, body
    gates = {gate["gate"]: gate for gate in body["gates"]}
    assert set(gates["latency"]) == {"gate", "title", "level", "verdict", "summary", "satisfied"}
    for gate in ("artifact", "schema", "libraries", "golden_rows", "performance", "distribution", "explanation"):
        assert gates[gate]["verdict"] == "passed", gates[gate]
    # Only the portal's own people or another room can add these later; they bind as the policy says.
    assert gates["feature_parity"] == {**gates["feature_parity"], "verdict": "missing", "satisfied": True}
    assert gates["commit"]["verdict"] == "claimed" and gates["commit"]["satisfied"]
    assert body["ok"] is all(gate["satisfied"] for gate in body["gates"]) is True
    assert body["took_ms"] > 0
    assert rows_and_files(settings) == before and Entry.objects.count() == entries + 1
    entry = Entry.objects.get(type="version.tried")
    assert entry.version is None and facts_of(entry)["details"]["ok"] is True


def test_it_is_not_ok_when_a_required_gate_would_stand_in_the_way(ci: Client) -> None:
    manifest = json.loads(factories.trained_boosting().manifest)
    manifest["metrics"] = {"roc_auc": 0.95}
    del manifest["source"]
    body = ci.post(DRY_RUN, parts(manifest=json.dumps(manifest).encode())).json()
    wrong = {gate["gate"]: gate["verdict"] for gate in body["gates"] if not gate["satisfied"]}
    assert body["ok"] is False and wrong == {"performance": "failed", "commit": "missing"}
    performance = next(gate for gate in body["gates"] if gate["gate"] == "performance")
    assert "the manifest claims ROC AUC 0.95" in performance["summary"].replace("The m", "the m")


@pytest.mark.parametrize(
    "changes, status", [({"artifact": pickle.dumps({})}, 422), ({"manifest": b"{"}, 400), ({"background": None}, 422)]
)
def test_what_is_refused_as_an_upload_is_refused_here(
    ci: Client, settings: Any, changes: dict[str, Any], status: int
) -> None:
    before, entries = rows_and_files(settings), Entry.objects.count()
    assert ci.post(DRY_RUN, parts(**changes)).status_code == status
    assert rows_and_files(settings) == before and Entry.objects.count() == entries + 1
    assert Entry.objects.filter(type="version.refused").count() == 1


def test_who_may_not_register_may_not_try(api, lead) -> None:
    assert api("read").post(DRY_RUN, parts()).status_code == 403


def test_an_unclear_wish_registers_nothing(ci: Client, settings: Any) -> None:
    before = rows_and_files(settings)
    answer = ci.post(f"{VERSIONS}?dry_run=perhaps", parts())
    assert (answer.status_code, answer.json()["error"]["details"][0]["path"]) == (422, "dry_run")
    assert rows_and_files(settings) == before


def test_a_third_one_at_a_time_is_asked_to_come_again(ci: Client) -> None:
    with trying._place(), trying._place():
        answer = ci.post(DRY_RUN, parts())
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "busy")
    assert not Entry.objects.filter(type__in=("version.refused", "version.tried")).exists()


def test_a_ci_identity_is_verified_and_not_used_up(ci: Client, settings: Any) -> None:
    ci_tokens.trust()
    manifest = {**json.loads(factories.trained_boosting().manifest), "source": {"commit": ci_tokens.COMMIT}}
    sent, token = {"manifest": json.dumps(manifest).encode()}, ci_tokens.github()
    body = ci.post(DRY_RUN, parts(**sent), headers={"X-CI-Token": token}).json()
    commit = next(gate for gate in body["gates"] if gate["gate"] == "commit")
    assert commit["verdict"] == "passed" and not SeenIdentity.objects.exists()
    assert ci.post(VERSIONS, parts(**sent), headers={"X-CI-Token": token}).status_code == 201
