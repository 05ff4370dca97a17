"""Exports by page and API, made by the real task: what is in the file, who gets it, and how a job ends."""

from __future__ import annotations

import csv
import io
import json
import stat
import uuid
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from audit import proofs
from audit.canonical import leaf_hash
from audit.erasure import services as erasing
from audit.exports import files, jobs, queries, services, tables, tasks
from audit.models import Entry, Job
from audit.queries import facts_of, text_of
from portal.accounts.models import User
from portal.errors import Forbidden
from tests import exporting, factories
from tests.sealing import seal

API = "/api/v1/exports/"


@pytest.fixture
def trail(committed: str, tmp_path: Path) -> str:
    """Three sealed decisions; the reference of one looks like a formula."""
    factories.decided()
    factories.decided(subject="=cmd|' /C calc'!A0", inputs={**factories.DENIED, "phist": "-1+1"}, caller="service:a")
    factories.refused()
    seal(committed, tmp_path / "sealed")
    return committed


def asked(client: Client, **changes: Any) -> Any:
    body = {"system": factories.SYSTEM, "format": "parquet", **exporting.lately(), **changes}
    return client.post(API, json.dumps(body, default=str), content_type="application/json")


def signed_in(username: str) -> Client:
    browser = Client()
    browser.force_login(factories.person(username))
    return browser


def made(client: Client, **changes: Any) -> tuple[dict[str, Any], bytes]:
    """What the API says of an export after its task ran, and the file."""
    started = asked(client, **changes)
    assert started.status_code == 202 and set(started.json()) == {"id", "url", "state"}
    assert client.get(started.json()["url"]).json()["state"] == "queued"
    tasks.run_job(started.json()["id"])
    said = client.get(started.json()["url"]).json()
    assert (said["state"], said["progress"], said["error"]) == ("done", 1.0, None), said
    answer = client.get(said["download"])
    assert answer["Cache-Control"] == "private, no-store" and "attachment" in answer["Content-Disposition"]
    return said, answer.getvalue()


def csv_rows(data: bytes) -> tuple[list[dict[str, str]], dict[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        text = archive.read("decisions.csv").decode()
    return list(csv.DictReader(io.StringIO(text, newline=""))), manifest


def test_parquet_holds_the_hashed_bytes_and_where_they_stand(trail: str, api) -> None:
    said, data = made(api("read"))
    assert Job.objects.get().result["unsealed"] == 0  # the act of asking lies beyond
    table = pq.read_table(io.BytesIO(data))
    head, metadata = proofs.newest_checkpoint(), pq.read_metadata(io.BytesIO(data)).metadata
    assert (metadata[b"size"], metadata[b"root"]) == (str(head.size).encode(), head.root_hex.encode())
    assert metadata[b"origin"] == b"localhost/trail" and metadata[b"redaction"] == b"no personal data"
    rows = table.to_pylist()
    assert len(rows) == said["rows"] == Entry.objects.filter(system="mortgage", id__lte=rows[-1]["id"]).count()
    assert {"decision", "version.registered"} <= {row["type"] for row in rows}
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    for row in rows:
        assert leaf_hash(row["entry"]) == row["leaf_hash"]
        tile = proofs.tile(0, row["leaf_index"] // 256)
        assert tile[row["leaf_index"] % 256 * 32 :][:32] == row["leaf_hash"]
        facts = json.loads(row["entry"])
        assert (facts["id"], facts.get("label"), facts["actor"]) == (row["id"], row["label"], row["actor"])
    assert not set(table.column_names) & {"subject", "inputs", "output"} and b"applicant-17" not in data
    group = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(0)
    assert group.column(0).compression == "ZSTD" and group.num_rows == len(rows)


def test_groups_are_as_large_as_memory_allows(trail: str, api, monkeypatch) -> None:
    monkeypatch.setattr(queries, "CHUNK", 2)
    monkeypatch.setattr(tables, "ROWS_OF_GROUP", 4)
    said, data = made(api("read"))
    metadata = pq.ParquetFile(io.BytesIO(data)).metadata
    sizes = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    assert sum(sizes) == said["rows"] and max(sizes) == 4 and metadata.metadata[b"rows"] == str(said["rows"]).encode()


def test_csv_runs_nothing_in_a_spreadsheet(trail: str) -> None:
    said, data = made(signed_in("compliance"), format="csv", purpose="Case 12")
    rows, manifest = csv_rows(data)
    assert (said["redaction"], said["rows"], len(rows)) == ("none", 3, 3)
    assert rows[1]["subject"] == "'=cmd|' /C calc'!A0" and rows[0]["subject"] == "applicant-17"
    assert json.loads(rows[0]["inputs"]) == factories.DENIED and json.loads(rows[0]["output"])["label"]
    assert rows[0]["leaf_hash"] == bytes(Entry.objects.get(pk=rows[0]["id"]).leaf_hash).hex()
    assert rows[2]["error"] == "malformed" and rows[2]["inputs"] == ""
    head = proofs.newest_checkpoint()
    assert (manifest["size"], manifest["root"], manifest["rows"]) == (head.size, head.root_hex, 3)
    assert manifest["key_id"] == proofs.log_signer().key_id.hex() and manifest["checkpoint"].startswith("localhost")


@pytest.mark.parametrize("start", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1"])
def test_text_that_begins_like_a_formula_is_disarmed(start: str) -> None:
    assert tables.cell(start) == f"'{start}"


@pytest.mark.parametrize("value", [-0.5, 3, "a=1", "", None])
def test_other_cells_stay_as_they_are(value: Any) -> None:
    assert tables.cell(value) is value


def test_a_bundle_is_one_zip(trail: str, api) -> None:
    said, data = made(api("read"), format="zip")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {"manifest.json", "checkpoint", "entries.jsonl", "verify.py"} <= set(archive.namelist())
        assert len(archive.read("entries.jsonl").splitlines()) == said["rows"] > 3
    job = Job.objects.get()
    kept = files.folder_of(job.pk)
    assert [file.name for file in kept.rglob("*") if file.is_file()] == [Path(job.result["file"]).name]


def test_both_acts_are_in_the_trail(trail: str) -> None:
    said, _ = made(signed_in("compliance"), format="csv", purpose="Request of the regulator")
    asked_act, made_act = (Entry.objects.get(type=f"export.{name}") for name in ("requested", "made"))
    assert asked_act.actor == "user:compliance" and text_of(asked_act.id) == "Request of the regulator"
    details = facts_of(asked_act)["details"]
    assert (details["format"], details["redaction"]) == ("csv", "none") and {"since", "until", "job"} <= set(details)
    details = facts_of(made_act)["details"]
    assert (details["rows"], details["sha256"]) == (3, said["sha256"]) and {"size", "root"} <= set(details)


def test_who_may_not_read_personal_data_gets_none_even_with_a_purpose(trail: str) -> None:
    said, data = made(signed_in("auditor"), format="csv", purpose="Yearly audit")
    rows, manifest = csv_rows(data)
    assert said["redaction"] == manifest["redaction"] == "no personal data" and "inputs" not in rows[0]
    with pytest.raises(Forbidden, match="decision:read"):
        exporting.export(by="auditor", purpose="p", disclose=True)


def test_a_job_is_its_own_persons(trail: str, api) -> None:
    mine = signed_in("compliance")
    started = asked(mine).json()
    tasks.run_job(started["id"])
    download = mine.get(started["url"]).json()["download"]
    page = f"/trail/exports/{started['id']}/download/"
    for other in (signed_in("auditor"), signed_in("lead"), api("read")):
        assert other.get(started["url"]).status_code == other.get(download).status_code == 404
    assert signed_in("auditor").get(page).status_code == 404
    assert signed_in("auditor").post(f"/jobs/{started['id']}/cancel/").status_code == 404
    assert b"Download" not in signed_in("auditor").get("/trail/exports/").content
    answer = mine.get(page)
    assert answer.status_code == 200 and answer.getvalue()


@pytest.mark.parametrize(
    "changes,path",
    [
        ({"system": "nowhere"}, "system"),
        ({"format": "docx"}, "format"),
        ({"until": "2020-01-01T00:00:00Z"}, "until"),
        ({"since": timezone.now() - timedelta(days=370)}, "until"),
        ({"since": "yesterday"}, "since"),
        ({"since": timezone.now() + timedelta(hours=1), "until": timezone.now() + timedelta(hours=2)}, "since"),
    ],
)
def test_what_is_out_of_bounds_is_refused(db, api, changes: dict[str, Any], path: str) -> None:
    factories.decided()
    answer = asked(api("read"), **changes)
    assert answer.status_code == 422 and path in {item["path"] for item in answer.json()["error"]["details"]}
    assert not Job.objects.exists() and not Entry.objects.filter(type="export.requested").exists()


def test_personal_data_needs_a_purpose(db, client_of, compliance: User) -> None:
    factories.decided()
    times = {name: f"{moment:%Y-%m-%dT%H:%M}" for name, moment in exporting.lately().items()}
    form = {"system": "mortgage", **times, "format": "csv", "disclose": "on"}
    page = client_of(compliance).post("/trail/exports/", form)
    assert page.status_code == 422 and b"needed to read personal data" in page.content and not Job.objects.exists()
    assert client_of(compliance).post("/trail/exports/", {**form, "purpose": "Case 12"}).status_code == 302
    assert Job.objects.get().parameters["redaction"] == "none"
    assert b"disclose" not in client_of(factories.person("auditor")).get("/trail/exports/").content


def test_three_at_once_are_enough(db, api) -> None:
    factories.decided()
    service = api("read")
    assert [asked(service).status_code for _ in range(4)] == [202, 202, 202, 409]


def test_the_page_begins_with_the_filters_of_the_decisions(db, client_of, compliance: User) -> None:
    factories.decided()
    browser = client_of(compliance)
    page = browser.get("/trail/exports/?system=mortgage&since=2026-01-02T03:04&until=2026-02-03T04:05&label=deny")
    assert b'value="2026-01-02T03:04"' in page.content and b'value="2026-02-03T04:05"' in page.content
    assert b"have not exported anything yet" in page.content
    assert b"/trail/exports/?system=mortgage" in browser.get("/decisions/?system=mortgage").content
    assert b"/trail/exports/" in browser.get("/trail/").content
    assert browser.get("/trail/exports/?since=nonsense").status_code == 200


def test_the_page_asks_again_until_nothing_is_under_way(trail: str) -> None:
    browser = signed_in("compliance")
    asked(browser, format="csv")
    part = browser.get("/trail/exports/", headers={"hx-request": "true"}).content
    assert b"hx-get" in part and b"Cancel" in part and b"<form class=" not in part
    tasks.run_job(str(Job.objects.get().pk))
    part = browser.get("/trail/exports/", headers={"hx-request": "true"}).content
    assert b"hx-get" not in part and b"Download" in part


def test_a_job_is_done_once(trail: str) -> None:
    job = exporting.export()
    tasks.run_job(str(job.pk))
    tasks.run_job(str(job.pk))
    assert Job.objects.get().parameters["attempt"] == 1
    assert Entry.objects.filter(type="export.made").count() == 1


def test_files_are_the_portals_alone(trail: str) -> None:
    job = exporting.export()
    tasks.run_job(str(job.pk))
    for path in files.exports_dir(), files.folder_of(job.pk), files.folder_of(job.pk) / "1":
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE(queries.file_for(factories.person("compliance").actor, job.pk).stat().st_mode) == 0o600


def test_a_cancelled_job_leaves_nothing(trail: str, monkeypatch) -> None:
    monkeypatch.setattr(jobs, "NOTE_SECONDS", 0)
    job = exporting.export(format="parquet")
    seen: list[bool] = []

    def cancelled_on_the_way(*arguments: Any, **named: Any) -> dict:
        """The person cancels between two chunks."""
        seen.append(files.folder_of(job.pk).exists())
        assert signed_in("compliance").post(f"/jobs/{job.pk}/cancel/").status_code == 302
        return leaves(*arguments, **named)

    leaves = queries.leaves_of
    monkeypatch.setattr(queries, "leaves_of", cancelled_on_the_way)
    tasks.run_job(str(job.pk))
    job.refresh_from_db()
    assert seen == [True] and (job.state, job.error, job.result) == ("cancelled", "", None)
    assert not list(files.folder_of(job.pk).rglob("*.*")) and not Entry.objects.filter(type="export.made").exists()
    assert b"cancelled" in signed_in("compliance").get("/trail/exports/").content
    assert signed_in("compliance").post(f"/jobs/{job.pk}/cancel/").status_code == 409


def test_nothing_sealed_is_said_in_words(committed: str) -> None:
    factories.decided()
    job = exporting.export()
    tasks.run_job(str(job.pk))
    job.refresh_from_db()
    assert job.state == "failed" and "sealed yet" in job.error and not list(files.folder_of(job.pk).glob("*"))


def test_a_fault_is_told_and_leaves_no_file(trail: str, monkeypatch) -> None:
    job = exporting.export()
    exports = files.exports_dir()
    monkeypatch.setattr(tables, "_csv_lines", lambda rows: (_ for _ in ()).throw(OSError(28, "No space left")))
    tasks.run_job(str(job.pk))
    job.refresh_from_db()
    assert job.state == "failed" and "no room" in job.error and not list((exports / str(job.pk)).glob("*"))


def test_what_waits_to_be_sealed_is_left_out_and_counted(trail: str) -> None:
    late = factories.decided()
    job = exporting.export(format="csv")
    tasks.run_job(str(job.pk))
    job.refresh_from_db()
    assert (job.result["rows"], job.result["unsealed"]) == (3, 1)
    rows, _ = csv_rows(queries.file_for(factories.person("compliance").actor, job.pk).read_bytes())
    assert str(late.id) not in {row["id"] for row in rows}


def test_a_lost_worker_is_replaced_once_and_stopped_when_it_comes_back(trail: str, monkeypatch) -> None:
    monkeypatch.setattr(jobs, "NOTE_SECONDS", 0)
    job = exporting.export()
    lost = exporting.claimed(job)
    later = timezone.now() + queries.STALE_AFTER + timedelta(seconds=1)
    assert services.requeue_stale(now=timezone.now()) == 0
    assert services.requeue_stale(now=later) == 1
    assert Job.objects.get().state == "queued"
    tasks.run_job(str(job.pk))
    with pytest.raises(jobs.Stopped):
        jobs.Work(lost).step(0.5)
    assert not services.fail_job(job=lost, error="late", now=timezone.now())
    assert Job.objects.get().state == "done" and Entry.objects.filter(type="export.made").count() == 1


def test_after_two_lost_workers_the_job_has_failed(db) -> None:
    factories.decided()
    job = exporting.export()
    later = timezone.now()
    exporting.claimed(job)
    assert services.claim_job(job_id=job.pk, is_redelivery=False, now=later) is None
    exporting.claimed(job, is_redelivery=True)
    assert services.claim_job(job_id=job.pk, is_redelivery=True, now=later) is None
    tasks.requeue_stale()
    assert Job.objects.get().state == "running"
    Job.objects.update(touched_at=later - timedelta(minutes=5))
    tasks.requeue_stale()
    assert Job.objects.get().state == "failed" and "lost twice" in Job.objects.get().error


def test_files_go_after_seven_days_and_so_do_those_of_nobody(trail: str) -> None:
    job, service = exporting.export(), signed_in("compliance")
    tasks.run_job(str(job.pk))
    stray = files.new_folder(uuid.uuid4(), 1)
    tasks.let_go()
    assert not stray.exists() and len(list(files.folder_of(job.pk).rglob("*.zip"))) == 1
    Job.objects.update(finished_at=timezone.now() - queries.KEPT_FOR - timedelta(minutes=1))
    tasks.let_go()
    assert not files.folder_of(job.pk).exists()
    said = service.get(f"{API}{job.pk}/").json()
    assert said["download"] is None and said["rows"] == 3
    assert service.get(f"{API}{job.pk}/download/").status_code == 404
    assert b"deleted after seven days" in service.get("/trail/exports/").content


def test_an_erasure_takes_back_what_was_disclosed(trail: str) -> None:
    redacted, disclosed = exporting.export(), exporting.export(purpose="Case 12", disclose=True)
    for job in (redacted, disclosed):
        tasks.run_job(str(job.pk))
    under_way = exporting.claimed(exporting.export(purpose="Case 13", disclose=True))
    earlier = timezone.now() - timedelta(days=300)
    before = {"since": earlier, "until": earlier + timedelta(days=1)}
    other = exporting.export(**before, disclose=True, purpose="p")
    erase("applicant-17")
    assert not files.folder_of(disclosed.pk).exists() and files.folder_of(redacted.pk).exists()
    states = dict(Job.objects.values_list("pk", "state"))
    assert (states[under_way.pk], states[other.pk]) == ("failed", "queued")
    with pytest.raises(jobs.Stopped):
        jobs.Work(under_way).step(0.5)
    assert not exporting.finish(under_way)
    browser = signed_in("compliance")
    said = browser.get(f"{API}{disclosed.pk}/").json()
    assert (said["download"], said["error"]) == (None, "withdrawn after an erasure")
    assert b"withdrawn" in browser.get("/trail/exports/").content


def test_an_erasure_that_is_rolled_back_takes_nothing(trail: str) -> None:
    job = exporting.export(purpose="Case 12", disclose=True)
    tasks.run_job(str(job.pk))
    with transaction.atomic():
        services.withdraw_disclosed(system="mortgage", now=timezone.now())
        transaction.set_rollback(True)
    assert queries.file_for(factories.person("compliance").actor, job.pk).is_file()
    services.withdraw_disclosed(system="mortgage", now=timezone.now())
    assert not files.folder_of(job.pk).exists()


def erase(subject: str) -> None:
    """Asked for by support and confirmed by compliance, for real."""
    facts = {"reason": "The person asked.", "now": timezone.now()}
    support, compliance = factories.person("support").actor, factories.person("compliance").actor
    waiting = erasing.request_erasure(actor=support, system="mortgage", subject=subject, **facts)
    erasing.confirm_erasure(actor=compliance, erasure=waiting, override="The right comes first.", **facts)
