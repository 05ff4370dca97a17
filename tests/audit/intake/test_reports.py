"""Reports of decisions made elsewhere: every line gets its verdict, and what was said once is there once."""

from __future__ import annotations

import gzip
import io
import json
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from audit import queries
from audit.intake import rest
from audit.intake.bodies import MAX_BODY, MAX_LINE
from audit.models import Entry, Key, Pending, Report, Writer
from audit.records import subject_token
from tests import factories

REPORT = "/api/v1/decisions/"
LINE: dict[str, Any] = {
    "system": "loans",
    "request_id": "r-1",
    "version": 3,
    "subject": "applicant-17",
    "inputs": {"income": 2100.5, "job": "baker"},
    "output": {"label": "deny", "score": 0.81, "threshold": 0.5},
    "at": "2026-11-01T09:30:00.125+01:00",
    "latency_ms": 12.5,
    "release": 4,
    "artifact_sha256": "ab" * 32,
}


def line(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {**LINE, "request_id": f"r-{number}", **changes}


def body_of(*lines: Any) -> bytes:
    return b"".join(said if isinstance(said, bytes) else json.dumps(said).encode() + b"\n" for said in lines)


def send(client: Client, *lines: Any, media: str = "application/x-ndjson", **headers: str) -> Any:
    return client.post(REPORT, body_of(*lines), content_type=media, headers=headers)


def cut_off(client: Client, body: bytes, announced: int) -> Any:
    """The caller hangs up before the body is whole."""
    wire = {"CONTENT_LENGTH": str(announced), "wsgi.input": io.BytesIO(body)}
    return client.post(REPORT, body, content_type="application/x-ndjson", **wire)


def verdicts(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [result["verdict"] for result in answer.json()["results"]]


def problem(client: Client, said: Any) -> str:
    [result] = send(client, said).json()["results"]
    assert result["verdict"] == "invalid" and "decision_id" not in result
    return result["problem"]


@pytest.fixture
def reporter(api, lead) -> Client:
    return api("report")


def test_a_reported_decision_is_an_entry_like_any_other(api, lead) -> None:
    token = factories.make_token("report", name="old-scoring")
    client = Client(headers={"authorization": f"Bearer {token}"})
    answer = send(client, LINE)

    [result] = answer.json()["results"]
    assert answer.json() == {"accepted": 1, "repeated": 0, "rejected": 0, "results": [result]}
    assert result == {"line": 1, "verdict": "recorded", "decision_id": result["decision_id"]}
    entry = Entry.objects.get(pk=result["decision_id"])
    assert (entry.mode, entry.status, entry.actor, entry.label) == (
        "reported",
        "answered",
        "service:old-scoring",
        "deny",
    )
    assert (entry.score_ppm, entry.latency_us, entry.version, entry.release) == (810_000, 12_500, 3, 4)
    assert timezone.now() - entry.at < timedelta(minutes=1)
    facts = queries.facts_of(entry)
    assert facts["decided_at"] == "2026-11-01T08:30:00.125Z" and facts["artifact_sha256"] == "ab" * 32
    assert queries.inputs_of(entry.id) == {"subject": "applicant-17", "inputs": LINE["inputs"]}
    assert queries.output_of(entry.id) == LINE["output"]
    assert queries.check_entry(entry).holds and Pending.objects.filter(pk=entry.id).exists()
    assert bytes(Key.objects.get(pk=entry.id).token) == subject_token(settings.SUBJECT_KEY, "loans", "applicant-17")


def test_only_system_request_and_inputs_are_needed(reporter: Client) -> None:
    [result] = send(reporter, {"system": "loans", "request_id": "r", "inputs": {}}).json()["results"]
    entry = Entry.objects.get(pk=result["decision_id"])
    assert (entry.status, entry.latency_us, entry.version, entry.label) == ("answered", None, None, None)
    assert queries.facts_of(entry).get("decided_at") is None
    page = reporter.get(f"{REPORT}?system=loans")
    assert page.status_code == 200
    read = Client()
    read.force_login(factories.person("compliance"))
    assert read.get(f"/decisions/{entry.id}/").status_code == 200
    assert read.get("/decisions/?system=loans").status_code == 200


def test_the_same_again_is_repeated_and_anything_else_a_conflict(reporter: Client) -> None:
    [first] = send(reporter, LINE).json()["results"]
    again = {key: LINE[key] for key in reversed(LINE)} | {"status": "answered"}
    answer = send(reporter, again, line(1, latency_ms=13), line(1, system="cards"))

    assert verdicts(answer) == ["repeated", "conflict", "recorded"]
    results = answer.json()["results"]
    assert results[0]["decision_id"] == results[1]["decision_id"] == first["decision_id"]
    assert "other content" in results[1]["problem"]
    assert Entry.objects.filter(mode="reported").count() == 2


def test_twice_inside_one_body_is_once(reporter: Client) -> None:
    answer = send(reporter, line(1), line(2), line(1), line(1, version=9))
    assert verdicts(answer) == ["recorded", "recorded", "repeated", "conflict"]
    results = answer.json()["results"]
    assert results[0]["decision_id"] == results[2]["decision_id"] == results[3]["decision_id"]
    assert Report.objects.count() == 2


def test_a_bad_line_takes_no_good_one_with_it(reporter: Client) -> None:
    answer = send(reporter, line(1), b"{nonsense\n", b"\n", line(2), b'"text"\n', line(3))
    assert [(result["line"], result["verdict"]) for result in answer.json()["results"]] == [
        *((1, "recorded"), (2, "invalid"), (4, "recorded"), (5, "invalid"), (6, "recorded")),
    ]
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (3, 2)


@pytest.mark.parametrize(
    "changes,why",
    [
        ({"system": "Loans!"}, "system must be"),
        ({"system": None}, "system is required"),
        ({"system": 7}, "system must be"),
        ({"request_id": ""}, "request_id must be"),
        ({"request_id": "x" * 129}, "request_id must be"),
        ({"request_id": "a b"}, "request_id must be"),
        ({"request_id": 12}, "request_id must be"),
        ({"inputs": None}, "inputs is required"),
        ({"inputs": [1]}, "inputs must be an object"),
        ({"version": 0}, "version must be"),
        ({"version": True}, "version must be"),
        ({"version": 2**31}, "version must be"),
        ({"version": 1.0}, "version must be"),
        ({"release": -1}, "release must be"),
        ({"subject": ""}, "subject must be"),
        ({"subject": "x" * 257}, "subject must be"),
        ({"output": "deny"}, "output must be"),
        ({"output": {"label": ""}}, "output.label must be"),
        ({"output": {"label": "x" * 65}}, "output.label must be"),
        ({"output": {"label": None}}, "output.label must be"),
        ({"output": {"label": ["deny"]}}, "output.label must be"),
        ({"output": {"score": "0.5"}}, "output.score must be"),
        ({"output": {"score": True}}, "output.score must be"),
        ({"output": {"score": 10**350}}, "output.score must be"),
        ({"status": "maybe"}, "status must be"),
        ({"status": ["answered"]}, "status must be"),
        ({"error": "Mrs Smith's income was missing"}, "error must be a code"),
        ({"at": "yesterday"}, "at must be a moment"),
        ({"at": "2026-11-01T09:30:00"}, "at must be a moment"),
        ({"at": "2026-02-30T09:30:00Z"}, "at must be a moment"),
        ({"at": 1_700_000_000}, "at must be a moment"),
        ({"at": "9999-12-31T23:59:59-14:00"}, "ahead of our clock"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "before 1970"),
        ({"latency_ms": -1}, "latency_ms must be"),
        ({"latency_ms": 1e12}, "latency_ms must be"),
        ({"latency_ms": "fast"}, "latency_ms must be"),
        ({"artifact_sha256": "AB" * 32}, "artifact_sha256 must be"),
        ({"colour": "red"}, "“colour” is not a known key"),
    ],
)
def test_each_wrong_value_is_named(reporter: Client, changes: dict[str, Any], why: str) -> None:
    assert why in problem(reporter, line(1, **changes))
    assert Entry.objects.filter(mode="reported").count() == 0


@pytest.mark.parametrize(
    "text,why",
    [
        ('{"score": NaN}', "NaN is not a number"),
        ('{"score": -Infinity}', "-Infinity is not a number"),
        ('{"score": 1e400}', "too large"),
        ('{"score": ' + "9" * 5_000 + "}", "5000 digits"),
        ('{"label": "\\ud800"}', "surrogate"),
        ('{"label": "\\u0000"}', "NUL"),
        ('{"label": "a", "label": "b"}', "appears twice"),
        ('{"a":' * 40 + "1" + "}" * 40, "nests deeper"),
        ('{"a":' * 10_000 + "1" + "}" * 10_000, "nests deeper"),
    ],
)
def test_json_that_can_be_read_in_two_ways_is_refused(reporter: Client, text: str, why: str) -> None:
    body = f'{{"system": "loans", "request_id": "r", "inputs": {{}}, "output": {text}}}\n'.encode()
    assert why in problem(reporter, body)
    assert "not UTF-8" in problem(reporter, b'{"system": "\xff"}\n')


def test_numbers_and_text_come_back_as_they_were_sent(reporter: Client) -> None:
    values = {
        **{"minus zero": -0.0, "2^53": 2**53 + 1, "2^63": 2**63, "long": 10**300, "small": 5e-324, "one": 1.0},
        **{"nfc": "é", "nfd": "e\u0301", "line": "\u2028", "astral": "😀", "": "empty", "html": "<b>&'\""},
    }
    sent = line(1, inputs=values, output={"label": "ja\u00a0!"[:2], "score": 1e300}, subject="Zoe\u0308")
    [result] = send(reporter, sent).json()["results"]
    entry = Entry.objects.get(pk=result["decision_id"])
    assert repr(queries.inputs_of(entry.id)["inputs"]) == repr(values)
    assert entry.score_ppm is None and queries.output_of(entry.id)["score"] == 1e300
    assert bytes(Key.objects.get(pk=entry.id).token) == subject_token(settings.SUBJECT_KEY, "loans", "Zo\u00eb")
    assert verdicts(send(reporter, sent)) == ["repeated"]


def test_a_line_that_is_too_long_is_that_lines_matter(reporter: Client) -> None:
    long = json.dumps(line(2, inputs={"text": "x" * MAX_LINE})).encode() + b"\n"
    fits = line(3, inputs={"text": "x" * (MAX_LINE - 1_000)})
    answer = send(reporter, line(1), long, fits)
    assert verdicts(answer) == ["recorded", "invalid", "recorded"]
    assert "longer than 1 MiB" in answer.json()["results"][1]["problem"]


def test_ten_thousand_lines_with_ten_thousand_features_among_them(reporter: Client) -> None:
    wide = line(0, inputs={f"f{number}": number for number in range(10_000)})
    answer = send(reporter, wide, *(line(number) for number in range(1, 10_001)))
    assert Counter(verdicts(answer)) == {"recorded": 10_001}
    ids = [uuid.UUID(result["decision_id"]) for result in answer.json()["results"]]
    assert ids == sorted(ids) and Entry.objects.filter(pk__in=ids).count() == 10_001
    assert Pending.objects.filter(pk__in=ids).count() == Key.objects.filter(pk__in=ids).count() == 10_001
    writer = Writer.objects.get()
    chain = [queries.facts_of(entry)["writer"] for entry in Entry.objects.filter(pk__in=ids).order_by("id")]
    first = chain[0]["seq"]
    assert [place["seq"] for place in chain] == list(range(first, first + 10_001)) and writer.next_seq == first + 10_001
    assert Counter(verdicts(send(reporter, *(line(number) for number in range(1, 10_001))))) == {"repeated": 10_000}


def test_bodies_may_be_packed_and_may_not_blow_up(reporter: Client) -> None:
    def packed(data: bytes) -> Any:
        encoded = {"content_encoding": "gzip"}
        return reporter.post(REPORT, data, content_type="application/x-ndjson", headers=encoded)

    two = gzip.compress(body_of(line(1))) + gzip.compress(body_of(line(2)))
    assert verdicts(packed(two)) == ["recorded", "recorded"]
    bomb = packed(gzip.compress(body_of(line(3)) + b" " * (MAX_BODY + MAX_LINE)))
    assert verdicts(bomb)[0] == "recorded" and "64 MiB" in bomb.json()["results"][-1]["problem"]
    many = packed(gzip.compress(body_of(line(4)) + b"\n" * 100_000 + body_of(line(5))))
    assert verdicts(many) == ["recorded", "invalid"] and "100,000 lines" in many.json()["results"][-1]["problem"]
    for broken in (b"no gzip", gzip.compress(body_of(line(6)))[:-9]):
        assert (packed(broken).status_code, packed(broken).json()["error"]["code"]) == (400, "body_cut_off")
    other = reporter.post(REPORT, b"x", content_type="application/x-ndjson", headers={"content_encoding": "br"})
    assert other.status_code == 415


def test_what_is_no_report_is_refused_whole(reporter: Client, api, client_of, lead) -> None:
    assert send(reporter, b"\n \n").status_code == 400
    assert send(reporter, LINE, media="text/csv").status_code == 415
    huge = reporter.post(REPORT, b"{}", content_type="application/x-ndjson", CONTENT_LENGTH=str(MAX_BODY + 1))
    assert (huge.status_code, huge.json()["error"]["code"]) == (413, "too_large")
    short = cut_off(reporter, body_of(line(1)), 5_000)
    assert (short.status_code, short.json()["error"]["code"]) == (400, "body_cut_off")
    assert send(api("decide"), LINE).status_code == send(client_of(lead), LINE).status_code == 403
    assert send(Client(), LINE).status_code == 401
    assert Entry.objects.filter(mode="reported").count() == 0


def test_what_was_committed_before_the_caller_hung_up_stands(reporter: Client, monkeypatch) -> None:
    monkeypatch.setattr(rest, "CHUNK_LINES", 2)
    body = body_of(*(line(number) for number in range(5)))
    cut = cut_off(reporter, body[:-9], len(body))
    assert cut.status_code == 400
    assert Entry.objects.filter(mode="reported").count() == 4
    assert verdicts(send(reporter, body)) == [*["repeated"] * 4, "recorded"]


def test_without_a_database_the_answer_is_to_try_again(reporter: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set local statement_timeout = 1")
    answer = send(reporter, *(line(number) for number in range(2_000)))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "record_unavailable")


def test_many_at_once_make_each_decision_once(committed: str, owner: psycopg.Connection) -> None:
    token = factories.make_token("report")
    numbers = list(range(600))

    def report(turn: int) -> list[str]:
        try:
            client = Client(headers={"authorization": f"Bearer {token}"})
            order = numbers if turn % 2 else numbers[::-1]
            return verdicts(send(client, *(line(number) for number in order)))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as callers:
        counted = Counter(verdict for answers in callers.map(report, range(6)) for verdict in answers)
    assert counted == {"recorded": 600, "repeated": 3_000}
    assert owner.execute(
        "select count(*), count(distinct request_id) from audit_entry where mode = 'reported'"
    ).fetchone() == (
        600,
        600,
    )
