"""The registry's endpoints in the contract's shapes, from an upload to production and back."""

from __future__ import annotations

import hashlib
import json
import pickle
import zipfile
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from audit.models import Entry
from audit.queries import facts_of, text_of
from registry.models import Release, Version
from tests import factories

SYSTEMS = "/api/v1/systems/"
MORTGAGE = f"{SYSTEMS}mortgage/"
VERSIONS = f"{MORTGAGE}versions/"
NEW = {
    "slug": "loans",
    "name": "Loans",
    "purpose": "Decides on loans.",
    "owner": "Lending",
    "risk_class": "high",
    "annex_iii_point": "5(b)",
}


def send(client, path: str, body: dict):
    return client.post(path, json.dumps(body), content_type="application/json")


def parts(**changes: bytes | None) -> dict[str, object]:
    """A good upload's parts, some replaced or (None) left out."""
    trained = factories.trained_logistic()
    given = {"manifest": trained.manifest, "artifact": trained.artifact, "background": trained.background, **changes}
    files = {name: SimpleUploadedFile(name, data) for name, data in given.items() if data is not None}
    if "manifest" in files:
        files["manifest"] = given["manifest"].decode("utf-8", errors="replace")  # type: ignore[union-attr]
    return files


def stored(settings) -> set[Path]:
    return {file for file in Path(settings.ARTIFACT_DIR).rglob("*") if file.is_file()}


class TestSystems:
    def test_a_system_is_made_and_read(self, api, lead) -> None:
        registrar = api("register")
        made = send(registrar, SYSTEMS, NEW)
        assert (made.status_code, made.json()) == (201, NEW)
        assert registrar.get(f"{SYSTEMS}loans/").json() == NEW
        assert {item["slug"] for item in registrar.get(SYSTEMS).json()} == {"loans", "mortgage"}
        again = send(registrar, SYSTEMS, NEW)
        assert (again.status_code, again.json()["error"]["code"]) == (409, "slug_taken")

    @pytest.mark.parametrize(
        "changes,path",
        [
            ({"slug": "Loans!"}, "slug"),
            ({"risk_class": "huge"}, "risk_class"),
            ({"annex_iii_point": None}, "annex_iii_point"),
            ({"owner": ""}, "owner"),
        ],
    )
    def test_what_breaks_a_rule_is_named(self, api, lead, changes: dict, path: str) -> None:
        answer = send(api("register"), SYSTEMS, {**NEW, **changes})
        assert answer.status_code == 422
        assert [item["path"] for item in answer.json()["error"]["details"]] == [path]

    @pytest.mark.parametrize("body", ['{"slug": "a", "slug": "b"}', '{"slug": NaN}', "{", "[" * 100, ""])
    def test_json_is_read_strictly(self, api, lead, body: str) -> None:
        answer = api("register").post(SYSTEMS, body, content_type="application/json")
        assert (answer.status_code, answer.json()["error"]["code"]) in {(400, "malformed"), (422, "invalid")}

    def test_a_body_that_is_no_object_is_refused(self, api, lead) -> None:
        assert api("register").post(SYSTEMS, "[1]", content_type="application/json").status_code == 422

    def test_scopes_are_kept(self, api, lead) -> None:
        assert send(api("read"), SYSTEMS, NEW).status_code == 403
        assert api("decide").get(MORTGAGE).status_code == 404
        assert api("decide").get(SYSTEMS).json() == []


class TestUploads:
    def test_an_upload_becomes_a_draft_with_gates(self, api, lead, settings) -> None:
        before = stored(settings)
        evaluation = factories.trained_logistic().evaluation
        made = api("register").post(VERSIONS, parts(evaluation=evaluation))
        body = made.json()
        assert made.status_code == 201, body
        assert (body["system"], body["version"], body["state"]) == ("mortgage", 3, "draft")
        gates = {gate["gate"]: gate for gate in body["gates"]}
        assert gates["artifact"]["verdict"] == "passed" and gates["image"]["verdict"] == "missing"
        [evidence] = gates["training_data"]["evidence"]
        assert evidence["verdict"] == "claimed" and evidence["recorded_by"].startswith("service:")
        assert next(iter(body["manifest"]["inputs"]["properties"])) == "pirat"
        assert stored(settings) == before
        assert Entry.objects.filter(type="version.registered", version=3).count() == 1

    @pytest.mark.parametrize(
        "changes,status,code",
        [
            ({"manifest": None}, 422, "invalid"),
            ({"artifact": None, "background": None}, 422, "invalid"),
            ({"manifest": b"{"}, 400, "manifest_malformed"),
            ({"manifest": b'{"model": 1, "model": 2}'}, 400, "manifest_malformed"),
            ({"manifest": b"{}"}, 422, "manifest_invalid"),
            ({"manifest": b"[]"}, 422, "manifest_invalid"),
            ({"background": b"pirat,hirat\n0.1,0.2\n"}, 422, "background_invalid"),
            ({"background": b"\x00\xff"}, 422, "background_invalid"),
            ({"evaluation": b"label\ndeny\n"}, 422, "evaluation_invalid"),
            ({"artifact": pickle.dumps({"a": 1})}, 422, "artifact_is_pickle"),
        ],
    )
    def test_a_bad_upload_leaves_no_row_and_no_file(
        self, api, lead, settings, changes: dict, status: int, code: str
    ) -> None:
        self.refuse(api, settings, parts(**changes), status, code)

    @pytest.mark.parametrize("kind", ["truncated", "bomb", "other format"])
    def test_a_bad_artifact_leaves_no_row_and_no_file(self, api, lead, settings, kind: str) -> None:
        good = factories.trained_logistic().artifact
        made = {"truncated": good[: len(good) // 2], "other format": factories.trained_boosting().artifact}
        artifact = made.get(kind)
        if artifact is None:
            bomb = BytesIO()
            with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
                file.writestr("schema.json", b"{}")
                file.writestr("bomb.npy", bytes(600 * 1024 * 1024))
            artifact = bomb.getvalue()
        self.refuse(api, settings, parts(artifact=artifact), 422, "")

    def test_an_artifact_that_is_not_what_the_manifest_says(self, api, lead, settings) -> None:
        manifest = json.loads(factories.trained_logistic().manifest)
        manifest["output"] = {"labels": ["yes", "no"], "adverse_label": "no", "threshold": 0.5}
        self.refuse(api, settings, parts(manifest=json.dumps(manifest).encode()), 422, "")

    def test_too_many_bytes(self, api, lead, settings) -> None:
        settings.ARTIFACT_MAX_BYTES = 1_000
        # What comes after a part that is too large is not even read.
        self.refuse(api, settings, parts(), 413, "artifact_too_large", taken={"manifest"})

    def test_too_many_rows(self, api, lead, settings) -> None:
        header, *rows = factories.trained_logistic().background.splitlines(keepends=True)
        self.refuse(api, settings, parts(background=header + b"".join(rows * 3)), 422, "background_invalid")

    def refuse(
        self, api, settings, sent: dict, status: int, code: str, taken: set[str] | None = None
    ) -> None:
        versions, files, entries = Version.objects.count(), stored(settings), Entry.objects.count()
        answer = api("register").post(VERSIONS, sent)
        error = answer.json()["error"]
        assert (answer.status_code, code or error["code"]) == (status, error["code"]), error
        assert error["message"] and set(error) == {"code", "message", "details"}
        assert (Version.objects.count(), stored(settings), Entry.objects.count()) == (versions, files, entries + 1)
        entry = Entry.objects.order_by("-id")[0]
        assert (entry.type, entry.system, text_of(entry.id)) == ("version.refused", "mortgage", error["message"])
        details = facts_of(entry)["details"]
        assert details["code"] == error["code"] and details["bytes"] == {
            name: len(data) if name == "manifest" else data.size
            for name, data in sent.items()
            if name in (sent if taken is None else taken)
        }
        if "artifact" in details["bytes"]:
            sent["artifact"].seek(0)
            assert details["artifact_sha256"] == hashlib.sha256(sent["artifact"].read()).hexdigest()


class TestVersions:
    def test_versions_are_listed_and_read(self, api, lead) -> None:
        reader = api("read")
        assert [item["version"] for item in reader.get(VERSIONS).json()] == [2, 1]
        body = reader.get(f"{VERSIONS}1/").json()
        assert body["artifact_sha256"] == factories.version(1).artifact_sha256
        assert {"gate", "title", "verdict", "evidence"} == set(body["gates"][0])
        assert reader.get(f"{VERSIONS}9/").status_code == 404

    def test_evidence_is_attached(self, api, lead) -> None:
        sent = {"kind": "scan", "verdict": "claimed", "summary": "No findings", "payload": {}}
        made = send(api("register"), f"{VERSIONS}1/evidence/", sent)
        assert made.status_code == 201 and made.json().items() >= sent.items()
        assert send(api("register"), f"{VERSIONS}1/evidence/", {**sent, "verdict": "passed"}).status_code == 422
        assert send(api("read"), f"{VERSIONS}1/evidence/", sent).status_code == 403

    def test_moves_by_their_names(self, api, client_of, lead, second_lead, compliance) -> None:
        assert send(api("register"), f"{VERSIONS}1/submit/", {"reason": "ready"}).json()["state"] == "submitted"
        assert send(api("register"), f"{VERSIONS}1/approve/", {"reason": "yes"}).status_code == 403
        assert send(client_of(compliance), f"{VERSIONS}1/approve/", {}).status_code == 422
        stopped = send(client_of(compliance), f"{VERSIONS}1/approve/", {"reason": "yes"})
        assert (stopped.status_code, stopped.json()["error"]["code"]) == (409, "gates_unsatisfied")
        factories.cleared(factories.version(1))
        approved = send(client_of(compliance), f"{VERSIONS}1/approve/", {"reason": "yes"})
        assert (approved.status_code, approved.json()["state"]) == (200, "approved")
        again = send(client_of(compliance), f"{VERSIONS}1/approve/", {"reason": "yes"})
        assert (again.status_code, again.json()["error"]["code"]) == (409, "wrong_state")
        assert send(client_of(lead), f"{VERSIONS}1/retire/", {"reason": "old"}).json()["state"] == "retired"
        send(client_of(lead), f"{VERSIONS}2/submit/", {"reason": "ready"})
        assert send(client_of(lead), f"{VERSIONS}2/reject/", {"reason": "no"}).status_code == 403
        assert send(client_of(second_lead), f"{VERSIONS}2/reject/", {"reason": "no"}).json()["state"] == "rejected"


class TestReleases:
    def test_release_production_and_rollback(self, api, lead) -> None:
        releaser = api("release")
        assert releaser.get(f"{MORTGAGE}production/").status_code == 404
        for number in (1, 2):
            factories.approved(number)
            sent = {"version": number, "strategy": "direct", "reason": "r", "expected_release": number - 1}
            made = send(releaser, f"{MORTGAGE}releases/", sent)
            assert (made.status_code, made.json()) == (
                201,
                {"release": number, "version": number, "strategy": "direct", "is_break_glass": False},
            )
        body = releaser.get(f"{MORTGAGE}production/").json()
        assert body == {
            "release": 2,
            "version": 2,
            "artifact_sha256": factories.version(2).artifact_sha256,
            "since": body["since"],
            "strategy": "direct",
            "candidate": None,
        }
        preview = releaser.get(f"{MORTGAGE}rollback/preview/").json()
        # No gateway runs here.
        assert preview.items() >= {"target_version": 1, "armed": False}.items() and len(preview["problems"]) == 1
        late = send(releaser, f"{MORTGAGE}rollback/", {"reason": "r", "expected_release": 1})
        assert (late.status_code, late.json()["error"]["code"]) == (409, "release_changed")
        back = send(releaser, f"{MORTGAGE}rollback/", {"reason": "r", "expected_release": 2})
        assert (back.status_code, back.json()) == (200, {"release": 3, "version": 1, "replaced_version": 2})

    def test_production_is_followed_by_etag_and_looked_up_by_time(self, api, lead) -> None:
        first = factories.released(1)
        reader, path = api("read"), f"{MORTGAGE}production/"
        answer = reader.get(path)
        same = reader.get(path, headers={"if-none-match": answer["ETag"]})
        assert (same.status_code, same.content, same["ETag"]) == (304, b"", answer["ETag"])
        factories.released(2)
        changed = reader.get(path, headers={"if-none-match": answer["ETag"]})
        assert changed.status_code == 200 and changed["ETag"] != answer["ETag"]
        assert reader.get(path, {"at": first.released_at.isoformat()}).json()["release"] == 1
        before = first.released_at - timedelta(seconds=1)
        assert reader.get(path, {"at": before.isoformat()}).status_code == 404
        for at in ("yesterday", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z"):
            assert reader.get(path, {"at": at}).status_code == 422, at

    @pytest.mark.parametrize("strategy", ["canary", "shadow"])
    def test_a_strategy_that_is_not_served_is_refused(self, api, lead, strategy: str) -> None:
        factories.approved(1)
        answer = send(api("release"), f"{MORTGAGE}releases/", {"version": 1, "strategy": strategy, "reason": "r"})
        assert answer.status_code == 422 and not Release.objects.exists()

    def test_unapproved_and_unknown_versions_do_not_go_live(self, api, lead) -> None:
        sent = {"version": 1, "strategy": "direct", "reason": "r"}
        assert send(api("release"), f"{MORTGAGE}releases/", sent).status_code == 409
        assert send(api("release"), f"{MORTGAGE}releases/", {**sent, "version": 9}).status_code == 404
        assert send(api("register"), f"{MORTGAGE}releases/", sent).status_code == 403
        assert send(api("release"), f"{MORTGAGE}rollback/", {"reason": "r"}).status_code == 409
        assert not Release.objects.exists()
