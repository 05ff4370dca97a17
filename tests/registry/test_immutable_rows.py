"""What is proven does not change: the app's role may not rewrite versions, evidence, approvals or releases."""

from __future__ import annotations

import psycopg
import pytest
from django.db import ProgrammingError, connection, transaction

from tests import factories

REFUSED = [
    "update registry_version set artifact_sha256 = ''",
    "update registry_version set manifest = ''",
    "update registry_version set number = 9",
    "delete from registry_version",
    "update registry_evidence set verdict = 'passed'",
    "delete from registry_evidence",
    "update registry_approval set reason = ''",
    "delete from registry_approval",
    "update registry_release set version_id = 1",
    "delete from registry_release",
    "delete from registry_system",
    "truncate registry_release",
    "drop table registry_release",
    "update registry_gatepolicy set level = 'off'",
    "delete from registry_gatepolicy",
    "update registry_approvalrule set needed = '{}'",
    "delete from registry_submission",
    "update registry_submission set needed = '{}'",
    "update registry_approver set person = ''",
    "delete from registry_approver",
    "update registry_trustedsource set claims = '{}'",
    "delete from registry_trustedsource",
    "delete from registry_ratification",
    "update registry_ratification set ratified_by = ''",
    "update registry_gatewayreport set serves = '{}'",
    "delete from registry_checkrun",
    "alter table registry_release drop constraint release_number_unique",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_the_app_cannot(lead, statement: str) -> None:
    factories.released(1)
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), transaction.atomic():
        connection.cursor().execute(statement)


def test_the_app_can_move_a_version(lead) -> None:
    with connection.cursor() as cursor:
        cursor.execute("update registry_version set state = state, submitted_by = submitted_by")
        assert cursor.rowcount == 2


def test_every_release_is_told_to_the_gateways_when_it_commits(committed: str, owner: psycopg.Connection) -> None:
    factories.approved(1)
    owner.execute("listen production")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        factories.released(1)
        raise ZeroDivisionError
    factories.released(1)
    told = list(owner.notifies(timeout=2, stop_after=1))
    assert [(note.channel, note.payload) for note in told] == [("production", "mortgage")]
    assert list(owner.notifies(timeout=0.2)) == []
