"""A run of the checks from request to evidence: asked for once, taken once, and never lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, transaction
from django.utils import timezone

from audit.models import Entry
from audit.queries import facts_of
from portal.accounts.access import Scope, actor_for_service
from portal.errors import Conflict, Forbidden
from registry.checking import runs, services
from registry.checking.comparing import context_of, parts_of
from registry.checking.findings import Finding, Verdict
from registry.checking.queries import gates_of, newest_run, open_run
from registry.checking.running import gates_checked
from registry.models import CheckRun, Evidence
from tests.factories import person, version

CI = actor_for_service("ci", frozenset({Scope.REGISTER}))
GOOD = [Finding("latency", Verdict.PASSED, "Quick enough"), Finding("libraries", Verdict.FAILED, "Too old")]


def request(actor: Any = CI, number: int = 1) -> CheckRun:
    return services.request_checks(actor=actor, version=version(number), now=timezone.now())


def claim(run: CheckRun, *, is_redelivery: bool = False) -> CheckRun | None:
    return runs.claim_run(run_id=run.pk, is_redelivery=is_redelivery, now=timezone.now())


def record(run: CheckRun, findings: list[Finding] = GOOD, **more: Any) -> bool:
    return services.record_findings(actor=runs.CHECKER, run=run, findings=findings, now=timezone.now(), **more)


@pytest.fixture
def waiting(lead) -> CheckRun:
    """The run that registering version 1 asked for."""
    found = open_run(version(1))
    assert found is not None
    return found


def sent(django_capture_on_commit_callbacks: Any, act: Any) -> list[dict[str, Any]]:
    """The arguments of the tasks that the act sends once it is committed."""
    with django_capture_on_commit_callbacks() as callbacks:
        act()
    return [callback.args[2] for callback in callbacks if callback.args[0] == runs.RUN_CHECKS]


class TestAsking:
    def test_registering_asks_for_the_checks(self, waiting: CheckRun) -> None:
        assert (waiting.state, waiting.requested_by) == ("queued", "user:lead")
        assert Entry.objects.filter(type="checks.requested").count() == 0

    def test_one_open_run_at_a_time(self, waiting: CheckRun) -> None:
        before = Entry.objects.count()
        assert request() == waiting and Entry.objects.count() == before
        record(waiting)
        again = request()
        assert again != waiting and again.state == "queued" and again.requested_by == "service:ci"
        assert Entry.objects.filter(type="checks.requested", version=1).count() == 1

    def test_the_database_allows_one_open_run(self, waiting: CheckRun) -> None:
        with pytest.raises(Exception, match="check_run_one_open"), transaction.atomic():
            CheckRun.objects.create(version=version(1), requested_by="x", requested_at=timezone.now())

    def test_who_may_register_or_approve_may_ask(self, waiting: CheckRun) -> None:
        for username in ("lead", "compliance"):
            assert request(person(username).actor) == waiting
        for username in ("support", "auditor", "outsider"):
            with pytest.raises(Forbidden):
                request(person(username).actor)

    def test_a_version_at_its_end_is_not_checked(self, waiting: CheckRun) -> None:
        record(waiting)
        type(version(1)).objects.filter(pk=version(1).pk).update(state="rejected", submitted_by="user:lead")
        with pytest.raises(Conflict, match="is rejected"):
            request()

    def test_the_task_is_sent_once_committed(self, waiting: CheckRun, django_capture_on_commit_callbacks: Any) -> None:
        record(waiting)
        [arguments] = sent(django_capture_on_commit_callbacks, request)
        assert arguments == {"run_id": open_run(version(1)).pk}


class TestTaking:
    def test_one_worker_gets_it(self, waiting: CheckRun) -> None:
        assert claim(waiting).state == "running"
        assert claim(waiting) is None

    def test_a_redelivered_message_takes_it_from_a_lost_worker_once(self, waiting: CheckRun) -> None:
        claim(waiting)
        assert claim(waiting, is_redelivery=True).attempts == 2
        assert claim(waiting, is_redelivery=True) is None

    def test_what_is_finished_is_not_taken(self, waiting: CheckRun) -> None:
        record(waiting)
        assert claim(waiting, is_redelivery=True) is None


class TestRecording:
    def test_findings_become_evidence_with_one_entry(self, waiting: CheckRun) -> None:
        before = Entry.objects.count()
        assert record(waiting)
        assert Entry.objects.count() == before + 1
        entry = Entry.objects.get(type="version.checked", version=1)
        facts = facts_of(entry)["details"]
        assert facts["verdicts"] == {"latency": "passed", "libraries": "failed"}
        assert facts["artifact_sha256"] == version(1).artifact_sha256 and entry.actor == "system:checks"
        gates = {gate.kind: gate for gate in gates_of(version(1))}
        assert gates["latency"].verdict == "passed" and gates["libraries"].verdict == "failed"
        assert gates["libraries"].decisive.recorded_by == "system:checks"

    def test_a_second_worker_records_nothing(self, waiting: CheckRun) -> None:
        record(waiting)
        before = (Entry.objects.count(), Evidence.objects.count())
        assert not record(waiting)
        assert (Entry.objects.count(), Evidence.objects.count()) == before

    def test_the_row_cannot_be_deleted(self, waiting: CheckRun) -> None:
        with pytest.raises(Exception, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("delete from registry_checkrun")


class TestCarryingOut:
    def test_a_version_of_the_registry_is_checked_in_this_process(self, waiting: CheckRun) -> None:
        runs.run_now(version(2))
        run = newest_run(version(2))
        assert (run.state, run.done, run.error) == ("done", run.total, "") and run.finished_at
        gates = {gate.kind: gate for gate in gates_of(version(2))}
        verdicts = {kind: gates[kind].verdict for kind in runs.STAGES}
        # Nothing is live yet, so there is nothing to return to.
        assert verdicts == {**dict.fromkeys(runs.STAGES, "passed"), "rollback": "failed"}, {
            kind: gates[kind].decisive.summary for kind in runs.STAGES
        }
        runs.run_now(version(2))
        assert version(2).check_runs.count() == 1

    def test_a_missing_file_fails_every_gate_in_words(self, waiting: CheckRun, artifact_dir) -> None:
        digest = version(1).artifact_sha256
        (artifact_dir / digest[:2] / digest[2:]).unlink()
        runs.run_now(version(1))
        gates = {gate.kind: gate for gate in gates_of(version(1))}
        assert {gates[kind].verdict for kind in runs.STAGES} == {"failed"}
        assert "is missing from the store" in gates["artifact"].decisive.summary
        assert newest_run(version(1)).state == "done"

    def test_what_did_not_fit_into_the_time_is_said(self, waiting: CheckRun, monkeypatch: pytest.MonkeyPatch) -> None:
        def late(parts: Any, context: Any, progress: Any) -> Any:
            progress("artifact")
            yield Finding("artifact", Verdict.PASSED, "Opened")
            raise SoftTimeLimitExceeded

        monkeypatch.setattr(runs, "findings_of", late)
        runs.run_now(version(1))
        gates = {gate.kind: gate for gate in gates_of(version(1))}
        assert gates["artifact"].verdict == "passed" and gates["explanation"].verdict == "failed"
        assert gates["explanation"].decisive.summary == "Could not be checked: the time for all checks ran out"

    def test_progress_is_shown(self, waiting: CheckRun) -> None:
        run = claim(waiting)
        runs._note(run, "explanation", 7, 8)
        seen = newest_run(version(1))
        assert (seen.stage, seen.share) == ("Rehearsing explanations", 0.875)
        record(run)
        runs._note(run, "artifact", 0, 8)
        assert newest_run(version(1)).stage == ""


class TestTheSweep:
    def aged(self, run: CheckRun, **changes: Any) -> CheckRun:
        CheckRun.objects.exclude(pk=run.pk).filter(state="queued").update(state="done")
        long_ago = timezone.now() - timedelta(minutes=6)
        CheckRun.objects.filter(pk=run.pk).update(touched_at=long_ago, **changes)
        return run

    def sweep(self) -> None:
        runs.requeue_stale(now=timezone.now())

    @pytest.mark.parametrize("state, attempts", [("queued", 0), ("running", 1)])
    def test_a_lost_run_is_sent_again(
        self, waiting: CheckRun, django_capture_on_commit_callbacks: Any, state: str, attempts: int
    ) -> None:
        self.aged(waiting, state=state, attempts=attempts)
        assert sent(django_capture_on_commit_callbacks, self.sweep) == [{"run_id": waiting.pk}]
        assert newest_run(version(1)).state == "queued"
        # Touched: the next sweep leaves it alone.
        assert sent(django_capture_on_commit_callbacks, self.sweep) == []

    def test_one_that_was_lost_twice_is_given_up_with_failed_gates(
        self, waiting: CheckRun, django_capture_on_commit_callbacks: Any
    ) -> None:
        self.aged(waiting, state="running", attempts=2)
        assert sent(django_capture_on_commit_callbacks, self.sweep) == []
        run = newest_run(version(1))
        assert (run.state, run.error) == ("failed", runs.LOST)
        assert {gate.verdict for gate in gates_of(version(1)) if gate.kind in runs.STAGES} == {"failed"}
        assert Entry.objects.filter(type="version.checked", version=1).count() == 1

    def test_what_is_under_way_is_left_alone(self, waiting: CheckRun, django_capture_on_commit_callbacks: Any) -> None:
        claim(waiting)
        # The other seeded run waits since the suite began, and may be stale by now.
        assert {"run_id": waiting.pk} not in sent(django_capture_on_commit_callbacks, self.sweep)


def test_the_stages_are_the_gates_that_a_run_checks(lead) -> None:
    found = version(1)
    assert gates_checked(parts_of(found), context_of(found.system, found)) == list(runs.STAGES)
