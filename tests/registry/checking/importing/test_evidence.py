"""Evidence sent to the API gets our verdict, whatever its sender gave it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from django.utils import timezone

import registry.services as registry
from audit.models import Entry
from audit.queries import facts_of
from registry.models import Evidence, Version
from tests import ci_tokens, factories

from .test_judging import IMAGE, read

EVIDENCE = "/api/v1/systems/mortgage/versions/1/evidence/"


def send(client, kind: str, payload: dict[str, Any], **more: Any):
    body = {"kind": kind, "payload": payload, **more}
    return client.post(EVIDENCE, json.dumps(body), content_type="application/json")


def with_image(text: str) -> Version:
    """A new version whose manifest names the text's digest."""
    manifest = json.loads(factories.trained_logistic().manifest)
    manifest["image"] = {"digest": f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"}
    upload = factories.upload_of(factories.trained_logistic(), manifest=json.dumps(manifest).encode())
    lead, system = factories.person("lead").actor, factories.version(1).system
    return registry.register_version(actor=lead, system=system, upload=upload, now=timezone.now())


def token_for(number: int) -> str:
    source = factories.version(number).spec.source
    return ci_tokens.github(sha=source.commit if source and source.commit else ci_tokens.COMMIT)


def test_an_image_proves_itself(api, lead) -> None:
    text = json.dumps(IMAGE, indent=2)
    path = f"/api/v1/systems/mortgage/versions/{with_image(text).number}/evidence/"
    body = {"kind": "image", "verdict": "failed", "summary": "whatever", "payload": {"oci_manifest": text}}
    made = api("register").post(path, json.dumps(body), content_type="application/json")
    assert made.status_code == 201, made.json()
    assert (made.json()["verdict"], made.json()["recorded_by"]) == ("passed", "system:import")
    assert made.json()["payload"]["sent_by"].startswith("service:")
    body["payload"]["oci_manifest"] = text + " "
    again = api("register").post(path, json.dumps(body), content_type="application/json")
    assert (again.status_code, again.json()["verdict"]) == (201, "failed")
    entry = Entry.objects.filter(type="evidence.attached").order_by("id")[1]
    assert facts_of(entry)["details"] == {"kind": "image", "verdict": "failed"}


@pytest.mark.parametrize("payload", [{"oci_manifest": json.dumps(IMAGE)}, {"oci_manifest": ""}, {"oci_manifest": 7}])
def test_an_image_of_a_version_that_names_none_is_refused(api, lead, payload: dict) -> None:
    answer = send(api("register"), "image", payload)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "evidence_invalid")
    assert answer.json()["error"]["details"][0]["path"] == "payload.oci_manifest"
    assert not Evidence.objects.filter(kind="image").exists()


def test_a_tools_good_word_is_a_claim_and_its_bad_one_a_failure(api, lead) -> None:
    good = send(api("register"), "data_quality", read("great_expectations_good"), verdict="passed")
    assert (good.status_code, good.json()["verdict"]) == (201, "claimed")
    assert good.json()["recorded_by"].startswith("service:")
    bad = send(api("register"), "data_quality", read("pandera_bad"), verdict="claimed")
    assert bad.json()["verdict"] == "failed" and "in_range" in bad.json()["summary"]


def test_with_the_identity_of_ci_the_word_is_proven(api, lead) -> None:
    ci_tokens.trust()
    payload = {**read("great_expectations_good"), "identity_token": token_for(1)}
    made = send(api("register"), "data_quality", payload)
    assert (made.status_code, made.json()["verdict"]) == (201, "passed")
    assert made.json()["recorded_by"] == "system:provenance"
    assert made.json()["payload"]["claimed_by"]["repository"] == "acme/credit"
    assert made.json()["source_url"] == "https://github.test/acme/credit/actions/runs/1001"
    again = send(api("register"), "data_quality", payload)
    assert (again.status_code, again.json()["error"]["code"]) == (422, "identity_replayed")
    assert Entry.objects.filter(type="identity.refused").count() == 1


def test_an_identity_that_is_refused_leaves_no_evidence(api, lead) -> None:
    ci_tokens.trust()
    before = Evidence.objects.count()
    payload = {**read("great_expectations_good"), "identity_token": ci_tokens.github(ref="refs/heads/other")}
    answer = send(api("register"), "data_quality", payload)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "identity_source_untrusted")
    assert Evidence.objects.count() == before
    assert Entry.objects.filter(type="identity.refused").count() == 1


def test_a_result_that_cannot_be_read_is_refused(api, lead) -> None:
    answer = send(api("register"), "data_quality", {"success": True, "results": []})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "evidence_invalid")
    assert send(api("read"), "data_quality", read("great_expectations_good")).status_code == 403


def test_what_we_do_not_judge_needs_words(api, lead) -> None:
    assert send(api("register"), "scan", {}).status_code == 422
    made = send(api("register"), "scan", {}, summary="Nothing found")
    assert (made.status_code, made.json()["verdict"]) == (201, "claimed")
    link = send(api("register"), "scan", {}, summary="s", source_url="javascript:alert(1)")
    assert link.status_code == 422
