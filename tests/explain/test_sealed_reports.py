"""Reports are encrypted where they are kept, those of before as well, and each reading of one is in the trail."""

from __future__ import annotations

import json

import psycopg
import pytest
from django.core.management import call_command

from audit.models import Entry
from explain import queries, tasks
from explain.models import Explanation
from explain.reviewing import services as reviewing
from explain.sealing import Damaged
from tests import factories
from tests.explain.disputes.conftest import act, opened
from tests.explain.letters.conftest import REPORT, decided, explain, policy

from .conftest import ask


def kept(owner: psycopg.Connection) -> dict:
    """The one explanation's row as the database has it."""
    with owner.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute("select * from explain_explanation").fetchone()


def test_the_row_tells_nothing_and_moves_nowhere(support) -> None:
    first, second = opened(), opened()
    explain(first), explain(second)
    one, other = Explanation.objects.order_by("id")
    assert b"pirat" not in bytes(one.sealed_report) and one.completeness == "full"
    one.sealed_report = other.sealed_report
    with pytest.raises(Damaged):
        queries.report_of(one)


def test_what_stood_in_clear_is_encrypted_and_comes_back(committed: str, owner: psycopg.Connection) -> None:
    dispute = opened()
    explain(dispute)
    digest = Explanation.objects.get().report_sha256
    call_command("migrate", "explain", "0006", verbosity=0)
    before = kept(owner)
    assert before["report"] == REPORT and "sealed_report" not in before
    # A report about a decision whose record has no key of its own cannot be encrypted, and goes.
    owner.execute("insert into explain_explanation select (json_populate_record(e, %s)).* from explain_explanation e",
                  [json.dumps({"id": str(dispute.decision_id), "decision_id": str(dispute.decision_id),
                               "method_version": 1})])
    owner.execute("update explain_explanation set decision_id = gen_random_uuid() where method_version = 1")
    owner.commit()
    call_command("migrate", "explain", verbosity=0)
    after = Explanation.objects.get(method_version=before["method_version"])
    assert queries.report_of(after) == REPORT and (after.completeness, after.report_sha256) == ("full", digest)
    lost = Explanation.objects.get(method_version=1)
    assert (lost.state, lost.sealed_report, lost.report_sha256) == ("failed", None, None) and "dropped" in lost.error


def test_every_way_to_a_report_is_recorded(client_of, support, compliance) -> None:
    explanation = ask(factories.decided())
    tasks.compute(str(explanation.id))
    sam, clara = client_of(support), client_of(compliance)

    def readings(browser, path: str) -> int:
        before = Entry.objects.filter(type="explanation.read").count()
        assert browser.get(path).status_code == 200, path
        return Entry.objects.filter(type="explanation.read").count() - before

    page = f"explanations/{explanation.id}/"
    for path in (f"/{page}", f"/api/v1/{page}", f"/api/v1/{page}report.pdf", f"/{page}try/"):
        assert readings(sam, path) == 1, path
    policy()
    dispute = opened(Entry.objects.get(pk=explanation.decision_id))
    act(reviewing.start_review, dispute, by="compliance")
    assert readings(clara, f"/disputes/{dispute.number}/review/") == 1
    letter = decided()
    assert readings(sam, f"/disputes/{letter.number}/letter/") == 1
    assert readings(sam, "/disputes/") == readings(sam, f"/disputes/{dispute.number}/") == 0

