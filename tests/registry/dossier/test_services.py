"""Signing, drafting and attaching: who may, what is kept, and what changes a point's state."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

import audit.queries as trail
from audit.models import Entry
from portal.accounts.access import Scope, actor_for_process, actor_for_service
from portal.errors import Conflict, Forbidden, Hidden, Invalid, TooLarge
from registry.dossier import queries, services
from registry.dossier.services import Overtaken, Writing
from registry.models import Document, Statement, StatementDraft, System
from tests.factories import person, version
from tests.registry.dossier.test_regulation import LAW

HUMAN, OFFICERS, AUTO = "annex-iv.1.g", "annex-iv.7", "annex-viii.a.4"
PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


@pytest.fixture
def system(db: None) -> System:
    """The seeded system; its newest version is 2."""
    return version(1).system


def actor(username: str = "lead") -> Any:
    return person(username).actor


def sign(system: System, item: str = HUMAN, by: str = "lead", seen: int = 2, **writing: Any) -> Statement:
    facts = Writing(**{"text": "So it is.", **writing})
    about = {"actor": actor(by), "system": system, "item": item, "now": timezone.now()}
    return services.sign_statement(seen=version(seen), writing=facts, **about)


def attach(system: System, **paper: Any) -> Document:
    facts = {"key": "docs.ui_description", "title": "The desk", "file": ("desk.pdf", PDF), **paper}
    return services.attach_document(actor=actor(), system=system, item=HUMAN, now=timezone.now(), **facts)


def withdraw(paper: Document) -> Document:
    about = {"actor": actor("second_lead"), "document": paper, "item": HUMAN, "now": timezone.now()}
    return services.withdraw_document(reason="It is out of date.", **about)


def point(system: System, item: str = HUMAN, number: int = 2) -> queries.Point:
    return queries.point_of(queries.dossier_of(system, version(number), timezone.now()), item)


def test_a_signature_stands_until_its_evidence_changes(system: System) -> None:
    assert point(system).state == "missing"
    paper = attach(system)
    assert point(system).state == "evidence"
    signed = sign(system)
    assert point(system).state == "statement"
    withdraw(paper)
    found = point(system)
    assert found.state == "stale"
    [gone] = found.standing.shifts
    assert "“The desk” was attached by lead" in str(gone.before) and gone.after is None
    again = sign(system, by="second_lead", text="So it is now.", expected_revision=1)
    assert (again.revision, point(system).state, point(system).statement) == (2, "statement", again)
    attach(system, url="https://bank.example/desk", file=None)
    [new] = point(system).standing.shifts
    assert new.before is None and "https://bank.example/desk" in str(new.after)
    assert [row.text for row in queries.history_of(system, HUMAN)] == ["So it is now.", "So it is."]
    assert Statement.objects.get(pk=signed.pk).evidence[0]["name"] == f"docs.ui_description#document-{paper.pk}"


def test_a_statement_is_stale_once_the_law_asks_for_something_else(system: System) -> None:
    sign(system)
    sign(system, "annex-iv.2.c")
    law = json.loads(LAW.read_bytes()) | {"version": "next", "in_force_from": f"{timezone.now():%Y-%m-%d}"}
    asked = next(row for row in law["requirements"] if row["id"] == HUMAN)
    asked["asks"] = "Give a full description of the interface."
    operator = actor_for_process("command-line")
    services.load_regulation(actor=operator, said=json.dumps(law).encode(), now=timezone.now())
    found = point(system)
    assert found.state == "stale" and "The law asks for something else since lead signed" in str(found.standing.why)
    assert point(system, "annex-iv.2.c").state == "statement"
    assert sign(system, expected_revision=1).regulation.version == "next" and point(system).state == "statement"


def test_the_trail_holds_the_digest_and_not_the_text(system: System) -> None:
    sign(system, text="Only in our own table.")
    entry = Entry.objects.filter(type="statement.signed").latest("id")
    said = trail.facts_of(entry)
    assert (entry.object, entry.system, said["details"]["revision"]) == (HUMAN, "mortgage", 1)
    assert len(said["details"]["text_sha256"]) == len(said["details"]["evidence_sha256"]) == 64
    assert b"Only in our own" not in bytes(entry.entry) and trail.text_of(entry.id) == ""


def test_of_two_who_write_one_is_told(system: System) -> None:
    sign(system, text="First.")
    with pytest.raises(Overtaken) as overtaken:
        sign(system, by="second_lead", text="Second.")
    assert overtaken.value.newest.text == "First." and "lead signed revision 1" in overtaken.value.message
    with pytest.raises(Conflict, match="Nothing was signed"):
        sign(system, OFFICERS, "compliance", expected_revision=3)
    # Whatever the service does, the database holds each number once.
    row = Statement.objects.get()
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_on_a_point_that_fills_itself_words_are_a_comment_unless_they_override(system: System) -> None:
    assert point(system, AUTO).state == "auto"
    assert sign(system, AUTO, "compliance").kind == "comment"
    assert point(system, AUTO).state == "auto"
    with pytest.raises(Invalid, match="reason"):
        sign(system, AUTO, "compliance", kind="override", expected_revision=1)
    sign(system, AUTO, "compliance", kind="override", reason="The trade name is another.", expected_revision=1)
    assert point(system, AUTO).state == "statement"
    sign(system, AUTO, "compliance", kind="withdrawal", reason="It is the same.", expected_revision=2)
    assert point(system, AUTO).state == "auto"


def test_not_applicable_wants_a_reason_and_can_be_taken_back(system: System) -> None:
    with pytest.raises(Invalid):
        sign(system, kind="not_applicable")
    sign(system, kind="not_applicable", text="", reason="There is no interface.")
    found = point(system)
    assert found.state == "not_applicable" and "There is no interface." in str(found.standing.why)
    sign(system, kind="withdrawal", reason="There is one.", expected_revision=1)
    assert point(system).state == "missing"
    with pytest.raises(Conflict, match="no statement to take back"):
        sign(system, kind="withdrawal", reason="Again.", expected_revision=2)


def test_the_newest_statement_that_holds_for_a_version_stands(system: System) -> None:
    def standing() -> list[str]:
        found = [point(system, number=number).statement for number in (1, 2)]
        return [said.text if said else "" for said in found]

    sign(system, text="For all.")
    sign(system, text="For one.", version=version(1), seen=1, expected_revision=1)
    assert standing() == ["For one.", "For all."]
    # Of the version's own page: what stands there is taken back, and the one for all stands again.
    sign(system, kind="withdrawal", reason="r", seen=1, expected_revision=2)
    assert standing() == ["For all.", "For all."]
    sign(system, text="For one again.", version=version(1), seen=1, expected_revision=3)
    sign(system, text="For all again.", expected_revision=4)
    assert standing() == ["For all again."] * 2


@pytest.mark.parametrize(
    "by, item, words",
    [
        ("lead", OFFICERS, "A compliance officer writes"),
        ("auditor", HUMAN, "write the dossier"),
        ("support", HUMAN, "write the dossier"),
        ("outsider", HUMAN, "write the dossier"),
    ],
)
def test_who_may_not_write_writes_nothing(system: System, by: str, item: str, words: str) -> None:
    about = {"actor": actor(by), "system": system, "item": item, "now": timezone.now()}
    for refused in (
        lambda: sign(system, item, by),
        lambda: services.save_draft(text="t", based_on=0, **about),
        lambda: services.attach_document(key="docs.ifu", title="t", url="https://a.example", **about),
    ):
        with pytest.raises(Forbidden, match=words):
            refused()
    assert not (Statement.objects.exists() or StatementDraft.objects.exists() or Document.objects.exists())


def test_a_token_signs_nothing(system: System) -> None:
    service = actor_for_service("ci", frozenset(Scope))
    with pytest.raises(Forbidden):
        services.sign_statement(
            actor=service, system=system, item=HUMAN, seen=None, writing=Writing(text="t"), now=timezone.now()
        )


def test_a_text_is_kept_whole_or_refused_by_its_length(system: System) -> None:
    about = {"actor": actor(), "system": system, "item": HUMAN, "now": timezone.now()}
    whole = "ä" * 100_000
    draft = services.save_draft(text=whole, based_on=0, **about)
    assert draft is not None and draft.text == whole
    with pytest.raises(Invalid, match=r"has 100,001 characters; at most 100,000"):
        services.save_draft(text=f"{whole}.", based_on=0, **about)
    with pytest.raises(Invalid, match="100,001"):
        sign(system, text=f"{whole}.")
    with pytest.raises(Invalid, match="nothing to sign"):
        sign(system, text=" \n ")
    assert StatementDraft.objects.get().text == whole
    assert sign(system, text="a\r\nb\x00c").text == "a\nbc"
    # Signed: the draft is done with. Emptied: likewise.
    assert not StatementDraft.objects.exists()
    services.save_draft(text="t", based_on=0, **about)
    assert services.save_draft(text="  ", based_on=0, **about) is None and not StatementDraft.objects.exists()
    with pytest.raises(Hidden):
        services.save_draft(**{**about, "item": "art-999"}, text="t", based_on=0)


@pytest.mark.parametrize(
    "paper, refusal, words",
    [
        ({"key": "registry.evaluation"}, Invalid, "No paper fills this"),
        ({"key": "docs.ifu"}, Invalid, "No paper fills this"),
        ({"title": " "}, Invalid, "needs a name"),
        ({"url": "https://a.example"}, Invalid, "either a file or"),
        ({"file": None}, Invalid, "either a file or"),
        ({"file": None, "url": "javascript:alert(1)"}, Invalid, "no address"),
        ({"file": None, "url": "https://[bad"}, Invalid, "no address"),
        ({"file": ("desk.pdf", b"MZ\x90\x00")}, Invalid, "The file is no"),
        ({"file": ("desk.pdf", PDF + b" " * services.MAX_DOCUMENT_BYTES)}, TooLarge, "larger than 20 MiB"),
    ],
)
def test_a_paper_that_is_none_is_refused(system: System, paper: Any, refusal: type[Exception], words: str) -> None:
    with pytest.raises(refusal, match=words):
        attach(system, **paper)
    assert not Document.objects.exists()


def test_a_paper_is_withdrawn_once(system: System) -> None:
    paper = attach(system)
    assert withdraw(paper).withdrawal_reason == "It is out of date."
    with pytest.raises(Conflict, match="withdrawn already"):
        withdraw(paper)


def test_who_writes_on_one_point_empties_no_other(system: System) -> None:
    facts = {"item": OFFICERS, "key": "org.standards_catalogue", "title": "Standards", "url": "https://a.example/s"}
    paper = services.attach_document(actor=actor("compliance"), system=system, now=timezone.now(), **facts)
    with pytest.raises(Hidden):
        withdraw(paper)
    assert not Document.objects.get().withdrawn_at


@pytest.mark.parametrize(
    "statement",
    [
        "update registry_statement set text = 'else'",
        "delete from registry_statement",
        "truncate registry_statement",
        "delete from registry_document",
        "update registry_document set withdrawn_by = 'user:x'",
    ],
)
def test_what_was_signed_stays_for_the_app_and_the_owner(throwaway_database: str, owner: Any, statement: str) -> None:
    owner.execute(
        "insert into registry_statement (system_id, item, revision, kind, text, reason, author, signed_at, evidence,"
        " regulation_id) select s.id, 'annex-iv.4', 1, 'statement', 't', '', 'user:lead', now(), '[]', r.id"
        " from registry_system s, registry_regulation r"
    )
    owner.execute(
        "insert into registry_document (system_id, key, title, file_name, media_type, sha256, size, url, attached_by,"
        " attached_at, withdrawn_by, withdrawn_at, withdrawal_reason)"
        " select id, 'docs.ifu', 't', '', '', '', 0, 'https://a.example', 'user:lead', now(), 'user:lead', now(), 'r'"
        " from registry_system"
    )
    for role in ("set local role countersign_app", "reset role"):
        with pytest.raises(Exception, match=r"stays|permission denied"), owner.transaction():
            owner.execute(role)
            owner.execute(statement)
