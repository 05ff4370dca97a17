"""Freezing: who signs what, what stays as it was, and how it ends."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import date, timedelta

import psycopg
import pytest
from django.conf import settings
from django.db import Error, connection, transaction
from django.utils import timezone
from pypdf import PdfReader

import registry.approving.services as approving
from audit.models import Entry
from audit.queries import facts_of
from portal.accounts.access import Scope, actor_for_service
from portal.errors import Conflict, Forbidden, Invalid
from registry import store
from registry.classification.dates import kept_until
from registry.dossier.content import SCHEMA
from registry.dossier.freezing import queries, services
from registry.models import DossierSignature, FrozenDossier
from tests import factories
from tests.factories import person, version
from tests.freezing import freeze, live, sign

WHY = "Because."
OTHER = "0" * 64


def end(service, dossier: FrozenDossier, who: str) -> FrozenDossier:
    return service(actor=person(who).actor, dossier=dossier, reason=WHY, now=timezone.now())


def newest_act() -> tuple[str, dict]:
    entry = Entry.objects.order_by("-id").first()
    return entry.type, facts_of(entry)["details"]


class TestFreezing:
    def test_what_is_kept_is_what_the_trail_says(self, db) -> None:
        frozen = freeze()
        said = store.read(settings.ARTIFACT_DIR, frozen.content_sha256)
        assert json.loads(said)["schema"] == SCHEMA and hashlib.sha256(said).hexdigest() == frozen.content_sha256
        assert json.loads(said)["version"]["artifact_sha256"] == version(1).artifact_sha256
        event, details = newest_act()
        assert event == "dossier.proposed" and details["content_sha256"] == frozen.content_sha256
        assert details["signatories"] == ["user:compliance", "user:lead"]
        named = {"person": "user:lead", "role": "ml_lead", "name": "Lead Tester"}
        assert frozen.number == 1 and frozen.signatories[1] == named

    def test_gaps_are_named_and_want_a_reason(self, db) -> None:
        with pytest.raises(Invalid, match="mandatory points are not settled") as refused:
            freeze(reason="  ")
        assert refused.value.details[0].path == "reason"
        gaps = freeze().gaps
        assert {gap["state"] for gap in gaps} <= {"missing", "stale", "evidence"} and len(gaps) > 20
        assert all(gap["ref"] and gap["title"] for gap in gaps)

    def test_nobody_freezes_what_they_did_not_see(self, db) -> None:
        with pytest.raises(Conflict, match="changed while you looked"):
            freeze(seen=OTHER)

    @pytest.mark.parametrize("names", [[], ["support"], ["nobody"], ["compliance", "auditor"]])
    def test_signatories_are_people_who_may_sign(self, db, names) -> None:
        with pytest.raises(Invalid) as refused:
            freeze(names)
        assert refused.value.details[0].path == "signatories"

    def test_compliance_freezes_one_at_a_time(self, db) -> None:
        with pytest.raises(Forbidden):
            freeze(by="lead")
        first = freeze()
        with pytest.raises(Conflict, match="Dossier 1 waits"):
            freeze()
        end(services.withdraw_dossier, first, "compliance")
        assert freeze().number == 2


class TestSigning:
    def test_the_last_signature_completes_it(self, db) -> None:
        frozen = freeze()
        waiting = sign(frozen, "lead")
        assert waiting.is_open and newest_act()[0] == "dossier.signed"
        assert [place.person for place in queries.places_of(waiting) if not place.signature] == ["user:compliance"]
        whole = sign(frozen, "compliance")
        event, details = newest_act()
        assert (whole.state, event) == ("complete", "dossier.completed")
        assert details["content_sha256"] == frozen.content_sha256 and details["pdf_sha256"] == whole.pdf_sha256
        printed = queries.pdf_bytes(whole)
        told = "".join(page.extract_text() for page in PdfReader(io.BytesIO(printed)).pages[:4])
        assert "signed by Compliance Tester, Lead Tester" in told
        assert "Compliance officer" in told and "I stand for it." in told
        assert printed.startswith(b"%PDF-") and hashlib.sha256(printed).hexdigest() == whole.pdf_sha256

    def test_only_who_was_named_signs_once_and_what_they_saw(self, db) -> None:
        frozen = freeze()
        with pytest.raises(Forbidden, match="compliance, lead"):
            sign(frozen, "second_lead")
        with pytest.raises(Forbidden):
            sign(frozen, "auditor")
        with pytest.raises(Conflict, match="not the digest"):
            sign(frozen, "lead", content_sha256=OTHER)
        sign(frozen, "lead")
        with pytest.raises(Conflict, match="signed it already"):
            sign(frozen, "lead")
        service = actor_for_service("lead", frozenset(Scope))
        with pytest.raises(Forbidden):
            services.sign_dossier(
                actor=service, dossier=frozen, content_sha256=frozen.content_sha256, statement="x", now=timezone.now()
            )

    def test_nobody_signs_what_the_store_no_longer_has(self, db, artifact_dir) -> None:
        frozen = freeze()
        store.path_of(artifact_dir, frozen.content_sha256).unlink()
        with pytest.raises(Conflict, match="missing from the store"):
            sign(frozen, "lead")

    def test_a_signed_dossier_that_was_altered_is_said_and_hides_nothing_else(self, db, artifact_dir) -> None:
        whole = sign(freeze(["lead"]), "lead")
        file = store.path_of(artifact_dir, whole.content_sha256)
        file.chmod(0o644)
        file.write_bytes(file.read_bytes().replace(b"Mortgage", b"Mortgagf"))
        since = queries.since_signed(live(1))
        assert since.signed == whole and since.changed is None and "no longer hashes to its name" in since.problem

    def test_a_retired_version_stops_nothing(self, db) -> None:
        frozen = freeze(["compliance"])
        factories.approved(1)
        approving.retire_version(actor=person("lead").actor, version=version(1), reason=WHY)
        whole = sign(frozen, "compliance")
        assert whole.state == "complete"
        heads = {head.what: (head.before, head.after) for head in queries.since_signed(live(1)).changed.heads}
        assert heads["State of the version"] == ("draft", "retired")


class TestEnding:
    @pytest.mark.parametrize(
        "service, who, state",
        [(services.decline_dossier, "lead", "declined"), (services.withdraw_dossier, "compliance", "withdrawn")],
    )
    def test_it_ends_with_a_reason_and_stays_ended(self, db, service, who, state) -> None:
        frozen = freeze()
        sign(frozen, "compliance")
        ended = end(service, frozen, who)
        assert (ended.state, ended.end_reason) == (state, WHY) and newest_act()[0] == f"dossier.{state}"
        for again in (lambda: sign(frozen, "lead"), lambda: end(service, frozen, who)):
            with pytest.raises(Conflict, match=f"Dossier 1 is {state}"):
                again()

    def test_only_the_named_decline_and_only_compliance_takes_back(self, db) -> None:
        frozen = freeze()
        for service, who in ((services.decline_dossier, "second_lead"), (services.withdraw_dossier, "lead")):
            with pytest.raises(Forbidden):
                end(service, frozen, who)


class TestDatabase:
    """What the tables refuse, whoever asks."""

    def test_a_frozen_dossier_stays_as_it_was(self, db) -> None:
        frozen = freeze()
        rows = FrozenDossier.objects.filter(pk=frozen.pk)
        ended = {"ended_by": "x", "ended_at": timezone.now(), "end_entry": frozen.proposal_entry}
        for act in (
            lambda: rows.update(content_sha256=OTHER),
            lambda: rows.update(signatories=[]),
            lambda: rows.update(state="complete", pdf_sha256=OTHER, **ended),
            lambda: rows.update(state="declined"),
            rows.delete,
            lambda: sign_directly(frozen, "user:second_lead", "ml_lead", frozen.content_sha256),
            lambda: sign_directly(frozen, "user:lead", "compliance", frozen.content_sha256),
            lambda: sign_directly(frozen, "user:lead", "ml_lead", OTHER),
        ):
            with pytest.raises(Error), transaction.atomic():
                act()

    def test_its_owner_deletes_it_after_ten_years_and_not_before(self, committed, owner) -> None:
        sign(freeze(["lead"]), "lead")
        for sql in (
            "update registry_frozendossier set reason = 'x'",
            "update registry_frozendossier set state = 'proposed', pdf_sha256 = ''",
            "update registry_dossiersignature set statement = 'x'",
            "delete from registry_dossiersignature",
            "delete from registry_frozendossier",
            "truncate registry_frozendossier cascade",
        ):
            with pytest.raises(psycopg.Error), owner.transaction():
                owner.execute(sql)
        with owner.transaction():
            owner.execute("set local session_replication_role = replica")
            owner.execute("update registry_frozendossier set ended_at = now() - interval '10 years 2 days'")
        with owner.transaction():
            owner.execute("delete from registry_dossiersignature")
            owner.execute("delete from registry_frozendossier")


class TestKeeping:
    def test_ten_years_run_from_the_last_of_three_days(self, db) -> None:
        frozen = freeze(["compliance"])
        assert queries.kept(frozen) is None
        whole = sign(frozen, "compliance")
        today = timezone.now().date()
        assert queries.kept(whole).until == kept_until(today)
        assert "signed" in queries.kept(whole).words
        factories.released(1)
        with connection.cursor() as cursor:
            cursor.execute("select starts_on from registry_dossier_clock(%s)", [whole.pk])
            assert cursor.fetchone() == (today,)
        with connection.cursor() as cursor:
            cursor.execute("select (date '2028-02-29' + interval '10 years')::date")
            assert cursor.fetchone()[0] == kept_until(date(2028, 2, 29)) == date(2038, 2, 28)


def sign_directly(frozen: FrozenDossier, label: str, role: str, sha256: str) -> None:
    DossierSignature.objects.create(
        dossier=frozen, person=label, role=role, statement="x", content_sha256=sha256,
        signed_at=timezone.now() - timedelta(days=1), entry_id=frozen.proposal_entry,
    )  # fmt: skip
