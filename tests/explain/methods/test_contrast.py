"""Alternatives: verified, few, and only of what a person can act on."""

import numpy as np
import pytest

from explain.methods.contrast import find_alternatives
from explain.methods.subject import Effort
from registry.scoring.manifest import OutputSpec

from .planted import SCHEMA, draw, of_codes, schema_of, subject_of

OUTPUT = OutputSpec(labels=("grant", "deny"), adverse_label="deny", threshold=0.5)
ACTIONABLE = {feature.name for feature in SCHEMA.features if feature.actionable}


def margin(codes: np.ndarray) -> np.ndarray:
    filled = np.nan_to_num(codes)
    linear = 2 * filled[:, 1] - filled[:, 0] + 0.5 * filled[:, 2] - filled[:, 5] + 3 * filled[:, 6]
    return 1 / (1 + np.exp(-(linear + (filled[:, 3] == 1) - 0.5)))


def refused(count: int = 20) -> np.ndarray:
    codes = draw(400, seed=3)
    return codes[margin(codes) >= 0.5][:count]


def test_alternatives_are_valid_few_and_actionable() -> None:
    subject = subject_of(of_codes(margin), draw(500))
    answered = 0
    for codes in refused():
        found = find_alternatives(subject, OUTPUT, codes, Effort())
        answered += bool(found)
        assert len(found) <= 2
        for item in found:
            assert {change.feature for change in item.changes} <= ACTIONABLE
            assert all(change.before != change.after for change in item.changes)
            changed = codes.copy()
            for change in item.changes:
                index = subject.names.index(change.feature)
                assert change.before == subject.decode(index, codes[index])
                categories = subject.features[index].categories
                changed[index] = (
                    categories.index(str(change.after)) if categories else float(change.after or 0)
                )
            assert item.score == pytest.approx(float(margin(changed.reshape(1, -1))[0])) and item.score < 0.5
            assert item.label == "grant"
    assert answered >= 15


def test_a_greedy_step_that_turns_out_needless_is_taken_back() -> None:
    """A guarantor helps most at first; the pair of income and debt, of no help singly, makes it
    superfluous."""

    def ask(codes: np.ndarray) -> np.ndarray:
        both = (codes[:, 0] >= 2) & (codes[:, 1] < 0.3)
        return 0.9 - 0.2 * codes[:, 5] - 0.5 * both

    background = draw(200)
    background[:, [0, 1, 5]] = [2.0, 0.2, 1]
    subject = subject_of(of_codes(ask), background)
    found = find_alternatives(subject, OUTPUT, np.asarray([1, 0.8, 0, 0, 0, 0, 0.0]), Effort())
    assert [{change.feature for change in item.changes} for item in found] == [{"income", "debt"}]


def test_every_change_of_a_pair_is_needed() -> None:
    subject = subject_of(of_codes(margin), draw(500))
    for codes in refused(10):
        for item in find_alternatives(subject, OUTPUT, codes, Effort()):
            if len(item.changes) == 2:
                row = codes.copy()
                for change in item.changes:
                    index = subject.names.index(change.feature)
                    categories = subject.features[index].categories
                    row[index] = (
                        categories.index(str(change.after)) if categories else float(change.after or 0)
                    )
                for change in item.changes:
                    index = subject.names.index(change.feature)
                    back = row.copy()
                    back[index] = codes[index]
                    assert margin(back.reshape(1, -1))[0] >= 0.5


def test_frozen_features_stay_even_if_they_alone_decide() -> None:
    subject = subject_of(of_codes(lambda codes: 0.9 * codes[:, 6]), draw(300))
    codes = draw(1)[0]
    codes[6] = 1
    assert find_alternatives(subject, OUTPUT, codes, Effort()) == ()


def test_favourable_decisions_and_values_have_none() -> None:
    subject = subject_of(of_codes(lambda codes: np.full(len(codes), 0.1)), draw(50))
    assert find_alternatives(subject, OUTPUT, draw(1)[0], Effort()) == ()
    assert find_alternatives(subject, OutputSpec(), draw(1)[0], Effort()) == ()


def test_missing_goals_are_not_copied() -> None:
    background = draw(300, missing=0.5)
    subject = subject_of(of_codes(margin), background)
    for codes in refused(8):
        for item in find_alternatives(subject, OUTPUT, codes, Effort()):
            assert all(change.after is not None for change in item.changes)


def test_same_inputs_same_alternatives() -> None:
    subject = subject_of(of_codes(margin), draw(300))
    codes = refused(1)[0]
    assert find_alternatives(subject, OUTPUT, codes, Effort()) == find_alternatives(
        subject, OUTPUT, codes, Effort()
    )


def test_changes_are_as_small_as_the_outcome_allows() -> None:
    """The goal is a real person's value, often far beyond the line; what is told is the nearest round value inside."""

    def ask(codes: np.ndarray) -> np.ndarray:
        return np.where(codes[:, 1] <= 0.4237, 0.2, 0.8)

    background = draw(300)
    background[:, 1] = np.where(background[:, 1] < 0.42, 0.05, 0.9)
    subject = subject_of(of_codes(ask), background)
    codes = draw(1)[0]
    codes[1] = 0.93
    [found] = find_alternatives(subject, OUTPUT, codes, Effort())
    [change] = found.changes
    assert (change.feature, change.before) == ("debt", 0.93)
    assert 0.40 <= float(change.after or 0) <= 0.4237 and len(str(change.after)) <= 4


def test_a_value_that_flips_back_in_between_is_not_advised() -> None:
    """Between 0.3 and 0.6 this model refuses again: the nearest value inside the far region is what holds."""

    def ask(codes: np.ndarray) -> np.ndarray:
        refused = ((codes[:, 1] > 0.3) & (codes[:, 1] < 0.6)) | (codes[:, 1] > 0.8)
        return np.where(refused, 0.8, 0.2)

    background = draw(300)
    background[:, 1] = np.where(background[:, 1] < 0.5, 0.1, 0.95)
    subject = subject_of(of_codes(ask), background)
    codes = draw(1)[0]
    codes[1] = 0.9
    [found] = find_alternatives(subject, OUTPUT, codes, Effort())
    assert 0.25 <= float(found.changes[0].after or 0) <= 0.3


def test_whole_numbers_stay_whole_and_ranges_are_kept() -> None:
    schema = schema_of(
        {
            "cards": {"type": "integer", "minimum": 0, "maximum": 40, "x-actionable": True},
            "x": {"type": "number"},
        }
    )
    rng = np.random.default_rng(0)
    background = np.column_stack([rng.choice([1, 30], 200), rng.normal(size=200)]).astype(float)
    subject = subject_of(of_codes(lambda codes: (codes[:, 0] > 17) * 0.8, schema), background, schema)
    [found] = find_alternatives(subject, OUTPUT, np.asarray([36.0, 0.0]), Effort())
    [change] = found.changes
    assert change.after == 17 and isinstance(change.after, int)


@pytest.mark.parametrize("mark,expected", [(None, True), (1, False), (-1, True)])
def test_nobody_is_told_to_do_what_the_schema_calls_worse(mark: int | None, expected: bool) -> None:
    """This model likes debt. Marked as raising the score, debt is not advised, even if the model would reward it."""
    marked = {} if mark is None else {"x-monotone": mark}
    schema = schema_of({"debt": {"type": "number", "x-actionable": True, **marked}})
    background = np.random.default_rng(0).random((200, 1))
    subject = subject_of(of_codes(lambda codes: 0.9 - 0.8 * codes[:, 0], schema), background, schema)
    found = find_alternatives(subject, OUTPUT, np.asarray([0.2]), Effort())
    assert bool(found) is expected
    assert all(float(item.changes[0].after or 0) > 0.5 for item in found)
