"""Uploads that are too large: refused by what they say before a byte is read, stopped on their way, and recorded."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from audit.models import Entry
from audit.queries import facts_of
from registry.uploads import limits_of
from tests import factories
from tests.serving import answers, portal_on

VERSIONS = "/api/v1/systems/mortgage/versions/"
HUGE = 3 * 1024**3
FORM = "multipart/form-data; boundary=x"


class Untouched(io.RawIOBase):
    """A body of which nobody reads a byte."""

    def read(self, *arguments: Any) -> bytes:
        raise AssertionError("the body was read")


def post_huge(client, path: str, **more: Any):
    """A form of three gigabytes, whose body must not be touched."""
    environ = {"CONTENT_LENGTH": str(HUGE), "CONTENT_TYPE": FORM, "wsgi.input": Untouched(), **more}
    return client.generic("POST", path, b"", **environ)


def refusals() -> list[dict[str, Any]]:
    return [facts_of(entry)["details"] for entry in Entry.objects.filter(type="version.refused").order_by("id")]


class TestBySize:
    def test_the_api_refuses_unread_and_records_it(self, api, lead) -> None:
        answer = post_huge(api("register"), VERSIONS)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["details"]) == (413, "too_large", [])
        assert "nothing of it was read" in error["message"]
        assert refusals() == [{"code": "too_large", "bytes": {"request": HUGE}}]

    def test_a_signed_in_person_likewise(self, client_of, lead) -> None:
        assert post_huge(client_of(lead), VERSIONS).status_code == 413
        assert Entry.objects.get(type="version.refused").actor == "user:lead"

    @pytest.mark.parametrize("scope", ["read", "decide"])
    def test_who_may_not_register_is_refused_and_leaves_nothing(self, api, lead, scope: str) -> None:
        assert post_huge(api(scope), VERSIONS).status_code == 413 and refusals() == []

    def test_nobody_leaves_nothing(self, client, lead) -> None:
        assert post_huge(client, VERSIONS).status_code == 413
        assert post_huge(client, VERSIONS, HTTP_AUTHORIZATION="Bearer nonsense").status_code == 413
        assert post_huge(client, reverse("login")).status_code == 413
        assert refusals() == []

    def test_a_system_that_is_not_there_leaves_nothing(self, api, lead) -> None:
        assert post_huge(api("register"), "/api/v1/systems/nothing/versions/").status_code == 413
        assert refusals() == []

    def test_chunks_have_no_size_and_are_refused(self, api, lead) -> None:
        environ = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
        answer = post_huge(api("register"), VERSIONS, **environ)
        assert (answer.status_code, answer.json()["error"]["code"]) == (411, "length_required")
        assert [refusal["code"] for refusal in refusals()] == ["length_required"]

    def test_pages_say_it_as_a_page(self, client_of, lead) -> None:
        answer = post_huge(client_of(lead), "/systems/mortgage/trusted-sources/")
        assert answer.status_code == 413 and b"<h1>" in answer.content

    @pytest.mark.parametrize("length", ["nonsense", "-5", ""])
    def test_a_size_that_is_none_is_no_fault(self, api, lead, length: str) -> None:
        request = {"CONTENT_LENGTH": length, "CONTENT_TYPE": FORM}
        assert api("register").generic("POST", VERSIONS, b"", **request).status_code in {400, 422}


class TestOnTheWay:
    @pytest.mark.parametrize(
        "part,code", [("artifact", 413), ("background", 413), ("evaluation", 413), ("golden", 413), ("manifest", 413)]
    )
    def test_each_part_has_its_limit(self, api, lead, settings, part: str, code: int) -> None:
        settings.ARTIFACT_MAX_BYTES = 1024 * 1024
        size = limits_of("api:versions")[part] + 1
        sent = {part: SimpleUploadedFile(part, bytes(size)), "after": SimpleUploadedFile("after", b"x")}
        answer = api("register").post(VERSIONS, sent)
        assert (answer.status_code, answer.json()["error"]["code"]) == (code, f"{part}_too_large")
        assert [refusal["code"] for refusal in refusals()] == [f"{part}_too_large"]

    def test_no_file_is_left_behind(self, api, lead, settings, tmp_path: Path) -> None:
        settings.ARTIFACT_MAX_BYTES = 1024 * 1024
        settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
        sent = {"artifact": SimpleUploadedFile("a", bytes(2 * 1024 * 1024))}
        assert api("register").post(VERSIONS, sent).status_code == 413
        assert list(tmp_path.iterdir()) == []

    def test_files_that_nobody_asked_for_are_kept_nowhere(self, api, lead, settings, tmp_path: Path) -> None:
        settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
        trained = factories.trained_logistic()
        files = {name: SimpleUploadedFile(name, getattr(trained, name)) for name in ("artifact", "background")}
        other = SimpleUploadedFile("o", bytes(2 * 1024 * 1024))
        sent = {"other": other, "manifest": trained.manifest.decode(), **files}
        assert api("register").post(VERSIONS, sent).status_code == 201
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("manifest", [" " * (3 * 1024 * 1024), None])
    def test_a_form_that_cannot_be_read_is_recorded(self, api, lead, manifest: str | None) -> None:
        if manifest is None:
            answer = api("register").generic("POST", VERSIONS, b"rubbish", content_type="multipart/form-data")
            assert answer.status_code == 400
        else:
            answer = api("register").post(VERSIONS, {"manifest": manifest})
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "manifest_too_large")
        assert len(refusals()) == 1


class Flood:
    """A client that sends as fast as it can, and notes when it was answered and how much it got rid of."""

    def __init__(self, port: int, headers: str, chunked: bool) -> None:
        self.sent, self.answer, self.seconds = 0, b"", 0.0
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        head = f"POST {VERSIONS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\n{headers}\r\n\r\n"
        self._socket.sendall(head.encode())
        self._chunked = chunked
        started = time.monotonic()
        pump = threading.Thread(target=self._pump, daemon=True)
        pump.start()
        while b"}}" not in self.answer and (part := self._socket.recv(65_536)):
            self.answer += part
        self.seconds = time.monotonic() - started
        pump.join(15)
        self.ended = not pump.is_alive()
        self._socket.close()

    def _pump(self) -> None:
        opening = b'--x\r\nContent-Disposition: form-data; name="artifact"; filename="a"\r\n\r\n'
        block = bytes(256 * 1024)
        block = f"{len(block):x}\r\n".encode() + block + b"\r\n" if self._chunked else block
        opening = f"{len(opening):x}\r\n".encode() + opening + b"\r\n" if self._chunked else opening
        try:
            self._socket.sendall(opening)
            while self.sent < HUGE:
                self._socket.sendall(block)
                self.sent += len(block)
        except OSError:
            pass  # the server closed the connection, as it should


@pytest.mark.parametrize("chunked,status", [(False, b"413"), (True, b"411")])
def test_three_gigabytes_over_the_wire(
    committed: str, process_environment, tmp_path: Path, chunked: bool, status: bytes
) -> None:
    token = factories.make_token("register")
    with portal_on(process_environment(committed), tmp_path) as (port, worker):
        send_three_gigabytes(port, worker, tmp_path, token, chunked, status)
    assert len(refusals()) == 1


def send_three_gigabytes(
    port: int, worker: psutil.Process, spool: Path, token: str, chunked: bool, status: bytes
) -> None:
    before = worker.memory_info().rss
    size = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {HUGE}"
    flood = Flood(port, f"Authorization: Bearer {token}\r\n{size}", chunked)
    assert flood.answer.startswith(b"HTTP/1.1 " + status), flood.answer
    assert json.loads(flood.answer.partition(b"\r\n\r\n")[2].strip(b"\r\n0123456789abcdef"))["error"]["details"] == []
    assert flood.seconds < 1
    # The connection was closed long before it all went out, and nothing of it is anywhere.
    assert flood.ended and flood.sent < 64 * 1024**2
    assert worker.memory_info().rss - before < 64 * 1024**2
    assert list(spool.rglob("*")) == [] and answers(port)
