"""What a rollback would change: decisions made again by the target, counted, estimated with an interval, and listed."""

from __future__ import annotations

import csv
import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from scipy.stats import binomtest

import audit.erasure.services as erasing
import registry.services as registry
from audit.identifiers import time_of
from audit.models import Entry
from audit.queries import facts_of
from audit.records import Mode
from registry import store
from registry.models import System
from registry.releasing import affected, preview, rescoring
from registry.releasing.preview import clopper_pearson, preview_of
from tests import factories
from tests.factories import applicants, decided_in_bulk, person, released, version

PREVIEW = "/api/v1/systems/mortgage/rollback/preview/"
AFFECTED = "/systems/mortgage/production/affected/"


@pytest.fixture
def two(system: System, lead) -> System:
    """Version 2 is live in release 2; version 1 stands by."""
    released(1)
    released(2)
    return system


def decide(count: int = 300, **changes: Any) -> list:
    """Real applicants, decided by version 2 in release 2."""
    return decided_in_bulk(applicants().held_out[:count], 2, **{"release": 2, **changes})


def labels_by(number: int, count: int = 300) -> list[str]:
    """What the version says of the same applicants."""
    from registry.scoring.frames import to_frame

    scores = factories._scorer(number).score(to_frame(applicants().held_out[:count], applicants().schema))
    return ["deny" if score >= 0.5 else "grant" for score in scores]


def test_all_decisions_are_made_again_where_they_are_few(two: System) -> None:
    made = decide()
    pairs = list(zip(made, labels_by(2), labels_by(1), strict=True))
    differ = {one for one, was, then in pairs if was != then}
    assert 0 < len(differ) < 100
    seen = preview_of(two)
    assert seen.tally is not None and seen.target == version(1)
    assert (seen.sample.number, seen.sample.is_all, seen.tally.sampled) == (300, True, 300)
    assert {flip.decision for flip in seen.tally.flips} == differ
    assert (seen.would_flip, seen.flip_interval) == (len(differ), (len(differ), len(differ)))
    to_deny = sum(was != then and then == "deny" for _, was, then in pairs)
    assert seen.tally.directions.get("deny", 0) == to_deny
    assert sum(seen.tally.directions.values()) == len(differ)
    for flip in seen.tally.flips:
        entry = Entry.objects.get(pk=flip.decision)
        assert (flip.label, flip.score, flip.at) == (entry.label, entry.score, time_of(entry.id))
        assert flip.label_then != flip.label and (flip.score_then >= 0.5) == (flip.label_then == "deny")


def test_only_what_the_release_answered_itself_counts(two: System) -> None:
    decide(20)
    decide(20, release=1)
    decide(20, mode=Mode.SHADOW)
    decide(20, system="loans")
    assert preview_of(two).sample.number == 20


def test_a_sample_gives_an_estimate_whose_interval_holds_the_truth(two: System) -> None:
    decide()
    truth = sum(was != then for was, then in zip(labels_by(2), labels_by(1), strict=True))
    seen = preview_of(two, sampled=80)
    assert seen.tally is not None and seen.flip_interval is not None and seen.would_flip is not None
    assert (seen.tally.sampled, seen.sample.is_exact, seen.sample.is_all) == (80, True, False)
    low, high = seen.flip_interval
    assert low <= seen.would_flip <= high and low <= truth <= high
    assert low >= len(seen.tally.flips) and high <= 300 - (80 - len(seen.tally.flips))
    assert preview_of(two, sampled=80).tally == seen.tally  # the release seeds the draw


@pytest.mark.parametrize("hits,drawn", [(0, 10), (10, 10), (1, 2000), (37, 2000), (500, 1000)])
def test_the_interval_is_clopper_and_pearsons(hits: int, drawn: int) -> None:
    exact = binomtest(hits, drawn).proportion_ci(0.95, method="exact")
    assert clopper_pearson(hits, drawn) == pytest.approx((exact.low, exact.high), abs=1e-12)


def test_it_takes_few_queries_however_many_decisions(two: System) -> None:
    decide(50)
    with CaptureQueriesContext(connection) as few:
        preview_of(two)
    decide(250)
    with CaptureQueriesContext(connection) as many:
        preview_of(two)
    assert len(many.captured_queries) == len(few.captured_queries) < 20


def test_inputs_that_the_target_refuses_are_counted(two: System) -> None:
    trained = factories.trained_boosting()
    manifest = json.loads(trained.manifest)
    manifest["inputs"]["properties"]["pirat"]["maximum"] = 4
    upload = factories.upload_of(trained, manifest=json.dumps(manifest).encode())
    registry.register_version(actor=person("lead").actor, system=two, upload=upload, now=timezone.now())
    released(3)
    rows = applicants().held_out[:10]
    decided_in_bulk([{**row, "pirat": 3.5} for row in rows[:4]] + rows[4:], 2, version=3, release=3)
    seen = preview_of(two)
    assert seen.tally is not None and seen.target == version(2)
    assert (seen.tally.sampled, seen.tally.refused, seen.tally.failed, seen.tally.erased) == (10, 4, 0, 0)


def test_erased_ones_are_left_out_and_counted(committed: str) -> None:
    released(1)
    two = released(2).system
    decide(20)
    [gone] = decided_in_bulk([factories.DENIED], 2, release=2, subject="applicant-99")
    asked = {"system": "mortgage", "subject": "applicant-99", "reason": "r", "now": timezone.now()}
    request = erasing.request_erasure(actor=person("support").actor, **asked)
    officer, now = person("compliance").actor, timezone.now()
    erasing.confirm_erasure(actor=officer, erasure=request, reason="r", override="Young.", now=now)
    seen = preview_of(two)
    assert seen.tally is not None
    assert (seen.tally.sampled, seen.tally.erased, seen.sample.number) == (21, 1, 21)
    assert gone not in {flip.decision for flip in seen.tally.flips}


class TestNothingToCompare:
    def test_nothing_live_no_target_or_no_decision(self, system: System, lead) -> None:
        assert (preview_of(system).would_flip, preview_of(system).sample.number) == (None, 0)
        released(1)
        decided_in_bulk(applicants().held_out[:5], 1, release=1)
        seen = preview_of(system)
        assert (seen.would_flip, seen.flip_interval, seen.sample.number) == (None, None, 5)
        assert seen.problem == "No earlier version stands by."
        released(2)
        seen = preview_of(system)
        assert (seen.would_flip, seen.flip_interval, seen.sample.number) == (0, (0, 0), 0)

    def test_an_unusable_target(self, two: System, artifact_dir) -> None:
        decide(5)
        rescoring._loaded.clear()
        store.path_of(artifact_dir, version(1).artifact_sha256).unlink()
        seen = preview_of(two)
        assert seen.tally is None and "missing from the store" in seen.problem
        assert seen.would_flip is None and seen.sample.number == 5


def test_models_stay_loaded_but_few(two: System) -> None:
    rescoring._loaded.clear()
    first = rescoring.Target(version(1))
    assert rescoring.Target(version(1))._scorer is first._scorer
    rescoring.Target(version(2))
    assert len(rescoring._loaded) == 2 == rescoring.KEPT


class TestValues:
    """A regression has no labels: a decision moves."""

    @pytest.mark.parametrize(
        "before,after,towards",
        [
            *[(100.0, 109.9, None), (100.0, 110.1, "higher"), (100.0, 89.0, "lower")],
            *[(-100.0, -89.0, "higher"), (0.0, 0.1, "higher"), (0.0, 0.0, None)],
        ],
    )
    def test_by_more_than_a_tenth(self, two: System, before: float, after: float, towards: str | None) -> None:
        [one] = decided_in_bulk([factories.DENIED], 2, release=2, output={"score": before})
        entry = Entry.objects.get(pk=one)
        assert entry.label is None and entry.score is None
        target = rescoring.Target(version(1))
        target._spec = regression()
        assert target._scores_before([entry]) == {one: before}
        flip = target._flip(entry, before, after)
        assert (flip and flip.towards) == towards


def regression() -> Any:
    from registry.scoring.manifest import Manifest

    raw = json.loads(factories.trained_boosting().manifest)
    raw["model"]["task"], raw["output"] = "regression", {}
    return Manifest.parse(raw)


class TestApi:
    def test_the_contracts_shape_and_more(self, two: System, api) -> None:
        decide()
        answer = api("release").get(PREVIEW).json()
        flips = sum(was != then for was, then in zip(labels_by(2), labels_by(1), strict=True))
        assert answer["target_version"] == 1 and answer["armed"] is False and answer["possible"] is True
        assert len(answer["problems"]) == 1
        assert (answer["decisions_since_release"], answer["sampled"], answer["is_exact"]) == (300, 300, True)
        assert (answer["would_flip"], answer["flip_interval"]) == (flips, [flips, flips])
        assert sum(answer["directions"].values()) == flips
        assert (answer["refused"], answer["failed"], answer["erased"], answer["release"]) == (0, 0, 0, 2)

    def test_without_a_target(self, system: System, api, lead) -> None:
        answer = api("release").get(PREVIEW).json()
        assert answer.items() >= {"target_version": None, "would_flip": None, "flip_interval": None}.items()
        assert (answer["sampled"], answer["directions"], answer["decisions_since_release"]) == (0, {}, 0)

    def test_each_is_recorded_in_numbers_alone(self, two: System, api) -> None:
        decide(30)
        api("release").get(PREVIEW)
        [told] = Entry.objects.filter(type="rollback.previewed")
        assert (told.system, told.version, told.release) == ("mortgage", 1, 2)
        details = facts_of(told)["details"]
        assert details["decisions"] == details["sampled"] == 30
        assert set(details) == {
            *("decisions", "is_exact", "sampled", "flips", "directions", "refused", "failed", "erased")
        }


class TestPages:
    def test_a_part_and_a_page(self, two: System, client_of, lead) -> None:
        decide()
        browser, path = client_of(lead), "/systems/mortgage/production/preview/"
        part = browser.get(path, headers={"hx-request": "true"}).text
        assert part.lstrip().startswith('<div id="preview"') and "All decisions since release 2" in part
        page = browser.get(path).text
        assert "<html" in page and "list for review" in page
        assert path in browser.get("/systems/mortgage/production/").text

    def test_the_list_and_the_csv_name_the_same_decisions(self, two: System, client_of, auditor, monkeypatch) -> None:
        made = decide()
        differ = {
            str(one)
            for one, was, then in zip(made, labels_by(2), labels_by(1), strict=True)
            if was != then
        }
        browser = client_of(auditor)
        page = browser.get(AFFECTED).text
        assert {one for one in map(str, made) if f"/decisions/{one}/" in page} == differ
        monkeypatch.setattr("audit.sampling.BATCH", 70)
        answer = browser.get("/systems/mortgage/production/affected.csv")
        assert answer.streaming and "attachment" in answer["Content-Disposition"]
        rows = list(csv.DictReader(answer.getvalue().decode().splitlines()))
        assert {row["decision"] for row in rows} == differ and len(rows) == len(differ)
        assert {(row["label"], row["label_then"]) for row in rows} <= {("deny", "grant"), ("grant", "deny")}
        # What people sent is in neither.
        assert "pirat" not in page and "applicant" not in page and "applicant" not in str(rows)
        told = [facts_of(entry)["details"].get("list") for entry in Entry.objects.filter(type="rollback.previewed")]
        assert sorted(told) == ["all", "sample"]

    def test_one_list_at_a_time_and_one_that_was_left_lets_the_next_begin(
        self, two: System, client_of, auditor
    ) -> None:
        decide(10)
        path, browser = "/systems/mortgage/production/affected.csv", client_of(auditor)
        first = affected.AffectedLines(two.releases.get(number=2), version(1))
        assert browser.get(path).status_code == 409
        next(first)
        first.close()
        first.close()
        assert len(browser.get(path).getvalue().splitlines()) >= 1
        assert browser.get(path).getvalue().startswith(b"decision,at,")

    def test_without_a_target_there_is_a_sentence_and_no_file(self, system: System, client_of, lead) -> None:
        browser = client_of(lead)
        assert "Nothing is live" in browser.get("/systems/mortgage/production/preview/").text
        assert "Nothing to compare" in browser.get(AFFECTED).text
        assert browser.get("/systems/mortgage/production/affected.csv").status_code == 409


def test_no_label_becomes_a_formula() -> None:
    assert [affected._plain(text) for text in ("=1+1", "@x", "-deny", "deny")] == ["'=1+1", "'@x", "'-deny", "deny"]
    assert preview.SAMPLED == 2_000
