"""The files of a case by the API: by content and size as on the page, listed and handed out to readers, recorded."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from audit.models import Entry
from explain.models import Attachment
from tests import factories

from .conftest import PDF, opened


@pytest.fixture
def sam(client_of, support):
    return client_of(support)


def send(client, path: str, content: bytes = PDF, name: str = "../pay slip.exe"):
    return client.post(path, {"file": SimpleUploadedFile(name, content, "text/html")})


def test_a_file_is_kept_listed_and_handed_out(sam, api) -> None:
    path = f"/api/v1/disputes/{opened().number}/files/"
    made = send(sam, path)
    body = made.json()
    assert made.status_code == 201 and (body["name"], body["media_type"]) == ("pay slip.exe.pdf", "application/pdf")
    assert b"pay slip" not in bytes(Attachment.objects.get().sealed_name)
    reader = api("read")
    assert reader.get(path).json() == {"results": [body]}
    got = reader.get(body["url"])
    assert got.content == PDF and "attachment" in got["Content-Disposition"] and got["Cache-Control"] == "no-store"
    acts = list(Entry.objects.filter(type__startswith="dispute.").order_by("id").values_list("type", flat=True))
    assert acts == ["dispute.opened", "dispute.file_added", "dispute.read", "dispute.file_read"]


def test_whoever_took_the_case_in_adds_to_it_and_reads_none(api, db) -> None:
    intake = api("dispute")
    sent = {"decision": str(factories.decided().id), "channel": "portal", "claim": "c"}
    number = intake.post("/api/v1/disputes/", json.dumps(sent), content_type="application/json").json()["number"]
    made = send(intake, f"/api/v1/disputes/{number}/files/")
    assert made.status_code == 201 and intake.get(made.json()["url"]).status_code == 404
    assert intake.get(f"/api/v1/disputes/{number}/files/").status_code == 404
    for other in (api("dispute"), api("read")):
        assert send(other, f"/api/v1/disputes/{number}/files/").status_code == 403
    assert Attachment.objects.count() == 1


@pytest.mark.parametrize(
    "content, status, code",
    [(b"<html>", 422, "invalid"), (b"", 422, "invalid"), (b"%PDF-" + bytes(5 * 1024 * 1024), 413, "file_too_large")],
)
def test_what_is_not_taken_is_named(sam, content: bytes, status: int, code: str) -> None:
    path = f"/api/v1/disputes/{opened().number}/files/"
    answer = send(sam, path, content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert sam.post(path).status_code == 422
    assert sam.post(path, b"{}", content_type="application/json").status_code in (415, 422)
    assert not Attachment.objects.exists()
