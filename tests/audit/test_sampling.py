"""A sample of what a release decided: each decision has the same chance, however many there are and who else writes."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from scipy.stats import chi2

from audit import queries, sampling
from audit.erasure import services as erasing
from audit.identifiers import time_of
from audit.models import Entry
from audit.records import Mode, Status
from audit.sampling import Population, sample_of
from tests import factories
from tests.sealing import seal

APPLICANTS = itertools.cycle([factories.DENIED, factories.GRANTED])


def decide(count: int, **changes) -> list:
    return factories.decided_in_bulk(itertools.islice(APPLICANTS, count), **changes)


def population(first: object) -> Population:
    return Population("mortgage", version=1, release=1, since=time_of(first))  # type: ignore[arg-type]


def ids(sample: sampling.Sample) -> list:
    return [entry.id for entry in sample.decisions]


class TestAFewAreDrawnFromExactly:
    def test_only_what_the_release_answered_counts(self, db) -> None:
        first, *others = decide(5)
        decide(3, release=2)
        decide(3, version=2)
        decide(3, mode=Mode.SHADOW)
        decide(3, system="loans")
        factories.decided(1, status=Status.FAILED, output=None)
        every = sample_of(population(first), most=100, seed=1)
        assert (every.number, every.is_exact, every.is_all) == (5, True, True)
        assert ids(every) == sorted([first, *others], reverse=True)
        assert sample_of(population(others[-1]), most=100, seed=1).number <= 5

    def test_the_seed_decides(self, db) -> None:
        made = decide(50)
        one, again, other = (sample_of(population(made[0]), most=10, seed=seed) for seed in (1, 1, 2))
        assert ids(one) == ids(again) != ids(other)
        assert (len(ids(one)), one.number, one.is_exact, one.is_all) == (10, 50, True, False)

    def test_nothing_decided_is_nothing_drawn(self, db) -> None:
        made = decide(1)
        empty = sample_of(Population("mortgage", version=1, release=9, since=time_of(made[0])), most=10, seed=1)
        assert (empty.decisions, empty.number, empty.is_all) == ([], 0, True)


class TestMany:
    @pytest.fixture
    def mixed(self, committed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list:
        """Six hundred of ours among as many of others and before as many older ones, all sealed; the ids of ours."""
        decide(300, release=9)
        ours: list = []
        for size in (1, 50, 150, 399):
            ours += decide(size)
            decide(size, release=2)
        seal(committed, tmp_path)
        monkeypatch.setattr(sampling, "EXACT_UP_TO", 100)
        return ours

    def test_each_has_the_same_chance(self, mixed: list, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sampling, "BATCH", 120)
        rounds, most = 200, 60
        drawn: Counter = Counter()
        for seed in range(rounds):
            sample = sample_of(population(mixed[0]), most=most, seed=seed)
            assert len(set(ids(sample))) == most and set(ids(sample)) <= set(mixed)
            drawn.update(ids(sample))
        # Drawn without replacement: each count is hypergeometric-like with variance n p (1 - p).
        share = most / len(mixed)
        spread = rounds * share * (1 - share)
        statistic = sum((drawn[one] - rounds * share) ** 2 for one in mixed) / spread
        assert chi2.sf(statistic, len(mixed) - 1) > 0.001

    def test_the_number_is_estimated(self, mixed: list) -> None:
        sample = sample_of(population(mixed[0]), most=100, seed=1)
        assert not sample.is_exact and not sample.is_all and not sample.is_recent
        assert abs(sample.number - 600) < 120

    def test_it_reads_a_bounded_number_of_rows(self, mixed: list, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sampling, "BATCH", 50)
        monkeypatch.setattr(sampling, "MOST_PROBES", 200)
        with CaptureQueriesContext(connection) as asked:
            sample = sample_of(population(mixed[0]), most=600, seed=1)
        assert 30 < len(sample.decisions) < 150
        assert len(asked.captured_queries) <= 6 + 2 * 4 + 2
        assert not any("count(" in query["sql"].lower() for query in asked.captured_queries)

    def test_without_a_tree_the_newest_are_drawn_from_and_it_says_so(
        self, db, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sampling, "EXACT_UP_TO", 20)
        made = decide(50)
        sample = sample_of(population(made[0]), most=10, seed=1)
        assert (sample.number, sample.is_exact, sample.is_recent) == (20, False, True)
        assert set(ids(sample)) <= set(sorted(made)[-20:])


def test_batches_go_through_all_newest_first(db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "BATCH", 4)
    made = decide(10)
    batches = [[entry.id for entry in batch] for batch in population(made[0]).batches()]
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert [one for batch in batches for one in batch] == sorted(made, reverse=True)


class TestInputsOfMany:
    def test_they_are_as_each_alone_in_three_queries(self, support) -> None:
        made = decide(30)
        with CaptureQueriesContext(connection) as asked:
            inputs = queries.inputs_of_many(made)
        assert len(asked.captured_queries) <= 3
        assert inputs == {one: queries.inputs_of(one) for one in made}
        assert queries.outputs_of_many(made[:3]) == {one: queries.output_of(one) for one in made[:3]}
        assert queries.inputs_of_many([]) == {}

    def test_what_was_erased_or_damaged_is_left_out(self, committed: str, owner) -> None:
        whole, damaged = decide(2)
        [erased] = decide(1, subject="applicant-99")
        asked = {"system": "mortgage", "subject": "applicant-99", "reason": "r", "now": timezone.now()}
        request = erasing.request_erasure(actor=factories.person("support").actor, **asked)
        officer, now = factories.person("compliance").actor, timezone.now()
        erasing.confirm_erasure(actor=officer, erasure=request, reason="r", override="Young.", now=now)
        owner.execute("alter table audit_payload disable trigger append_only")
        statement = "update audit_payload set stored = stored || '\\x00' where entry_id = %s and part = 1"
        owner.execute(statement, [damaged])
        with CaptureQueriesContext(connection) as read:
            assert set(queries.inputs_of_many([whole, damaged, erased])) == {whole}
        assert len(read.captured_queries) <= 3
        assert Entry.objects.filter(id=erased).exists()
