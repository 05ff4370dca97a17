"""What if: other values answered by the version that decided, by a process of its own; only the trying is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from audit.models import Entry
from audit.queries import facts_of
from explain import explaining, tasks
from explain.models import Explanation
from explain.queries import report_of
from tests import factories
from tests.explain.conftest import ask

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def no_process_left() -> Iterator[None]:
    yield
    explaining.let_go()


def explained(number: int = 2, **changes: Any) -> Explanation:
    explanation = ask(factories.decided(number, **changes))
    tasks.compute(str(explanation.id))
    return Explanation.objects.get(pk=explanation.pk)


def sent(**changes: Any) -> dict[str, Any]:
    """The whole form as a browser sends it; an input that was not given is empty."""
    return {"afam": "", **factories.DENIED, **changes}


def send(browser: Client, explanation: Explanation, **changes: Any) -> Any:
    return browser.post(f"/explanations/{explanation.id}/try/", sent(**changes), headers=HTMX)


def test_other_values_are_answered_at_once(client_of, support) -> None:
    explanation, browser = explained(), client_of(support)
    page = browser.get(f"/explanations/{explanation.id}/try/")
    assert page.status_code == 200 and b'name="pirat"' in page.content and b'value="0.62"' in page.content
    assert browser.get(f"/explanations/{explanation.id}/").content.count(b"Try other values") == 1
    before = Entry.objects.count(), report_of(Explanation.objects.get(pk=explanation.pk))
    answer = send(browser, explanation, pirat="0.2", lvrat="0.4", phist="no", insurance="no", chist="1", mhist="1")
    words = answer.content.decode()
    assert answer.status_code == 200 and "The answer would have been" in words and "“grant”" in words
    assert words.count('<span class="quiet">changed</span>') == 6 and "tried-plot-data" in words
    assert "<html" not in words
    assert (Entry.objects.count(), report_of(Explanation.objects.get(pk=explanation.pk))) == (before[0] + 1, before[1])
    tried = Entry.objects.get(type="explanation.tried")
    details = facts_of(tried)["details"]
    assert details["changed"] == ["chist", "insurance", "lvrat", "mhist", "phist", "pirat"]
    assert tried.actor == "user:support" and tried.object == str(explanation.decision_id)
    assert "0.2" not in str(facts_of(tried))


def test_the_same_values_give_the_reports_own_numbers(client_of, support) -> None:
    explanation = explained()
    report = report_of(explanation)
    words = send(client_of(support), explanation).content.decode()
    assert "Still <strong>“deny”</strong>" in words and "With all values as they were recorded" in words
    answer = explaining.try_inputs(factories.version(2), factories.DENIED, seed=report["seed"], seconds=30)
    assert answer["score"] == report["replay"]["recomputed"]
    assert answer["contributions"] == [
        {**item, "standard_error": None} for item in report["shap"]["contributions"]
    ]


def test_a_browser_without_javascript_gets_a_page(client_of, support) -> None:
    explanation, browser = explained(), client_of(support)
    page = browser.post(f"/explanations/{explanation.id}/try/", sent(pirat="0.3"))
    assert page.status_code == 200 and b"<html" in page.content and b'value="0.3"' in page.content
    wrong = browser.post(f"/explanations/{explanation.id}/try/", sent(pirat="much"))
    assert wrong.status_code == 422 and b"Enter a number" in wrong.content


@pytest.mark.parametrize(
    "changes,words",
    [
        ({"pirat": "99"}, "must be at most 3, was 99"),
        ({"pirat": ""}, "This field is required"),
        ({"phist": "perhaps"}, "Select a valid choice"),
        ({"chist": "2.5"}, "Enter a whole number"),
        ({"unemp": "nan"}, "Enter a number"),
    ],
)
def test_values_that_the_schema_refuses_are_named_and_not_tried(client_of, support, changes: dict, words: str) -> None:
    answer = send(client_of(support), explained(), **changes)
    assert answer.status_code == 200 and words in answer.content.decode()
    assert not Entry.objects.filter(type="explanation.tried").exists()


def test_turning_a_protected_input_is_marked_here_and_in_the_trail(client_of, support) -> None:
    answer = send(client_of(support), explained(), afam="yes")
    assert b"protected" in answer.content
    assert facts_of(Entry.objects.get(type="explanation.tried"))["details"]["changed"] == ["afam"]


def test_a_report_without_its_model_offers_no_trying(client_of, support) -> None:
    explanation, browser = explained(artifact_sha256="ab" * 32), client_of(support)
    assert b"Try other values" not in browser.get(f"/explanations/{explanation.id}/").content
    assert browser.get(f"/explanations/{explanation.id}/try/").status_code == 409


def test_a_model_that_does_not_answer_is_said(client_of, support, artifact_dir) -> None:
    explanation, browser = explained(), client_of(support)
    explaining.let_go()
    for file in artifact_dir.rglob("*"):
        if file.is_file():
            file.unlink()
    answer = send(browser, explanation)
    assert answer.status_code == 200 and b"cannot be loaded" in answer.content


def test_others_try_nothing(client_of, lead, auditor, compliance) -> None:
    explanation = explained()
    for user in (lead, auditor):
        assert send(client_of(user), explanation).status_code == 404
    assert client_of(compliance).get(f"/explanations/{explanation.id}/try/").status_code == 200
