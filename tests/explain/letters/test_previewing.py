"""A template is looked at before it is saved: with a real case or a made-up one, its faults named, its text kept."""

from __future__ import annotations

import re

import pytest

from audit.models import Entry
from explain.letters import queries
from explain.models import LetterTemplate

from .conftest import decided

PATH = "/letters/templates/EU/en/upheld/"


@pytest.fixture
def clara(client_of, compliance):
    return client_of(compliance)


def sent(body: str, **changes: str) -> dict[str, str]:
    return {"title": "About {case}", "body": body, "expected_number": "1", "example": "", "act": "look", **changes}


def words(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_the_templates_that_come_along_make_whole_letters_of_the_made_up_case(clara) -> None:
    for template in LetterTemplate.objects.all():
        path = f"/letters/templates/{template.jurisdiction}/{template.language}/{template.kind}/"
        page = clara.post(path, sent(template.body, title=template.title))
        said = words(page)
        assert page.status_code == 200 and "This case is made up" in said and "What stands against it" not in said
        assert "(Example) Here stand the grounds" in said and "(Example) Alex Applicant" in said
    assert LetterTemplate.objects.count() == 4 and not Entry.objects.filter(type="dispute.read").exists()


def test_a_real_case_is_read_and_that_is_recorded(clara) -> None:
    dispute = decided()
    assert f"dispute {dispute.number}, mortgage" in words(clara.get(PATH))
    said = words(clara.post(PATH, sent("{grounds}\n\n{reasons}", example=str(dispute.number))))
    assert "We looked at everything again." in said and "Debt payments to income: 0.62." in said
    assert Entry.objects.filter(type__in=("dispute.read", "explanation.read")).count() == 2
    # A case that gets another kind of letter is no example of this one.
    other = clara.post("/letters/templates/EU/en/changed/", sent("{grounds}", example=str(dispute.number)))
    assert "We looked at everything" not in words(other) and "This case is made up" in words(other)


def test_faults_are_named_by_line_with_what_is_meant_and_the_text_stays(clara) -> None:
    body = "Dear,\n\n{graunds}\n\n{if overturnd}\nNever ended {reasons}"
    page = clara.post(PATH, sent(body, title="{weather}"))
    said = words(page)
    for fault in (
        "Title: “{weather}” is no placeholder",
        "Line 3: “{graunds}” is no placeholder; do you mean {grounds}? {graunds}",
        "Line 5: a section cannot depend on “overturnd”; do you mean “overturned”?",
        "Line 5: “{if overturnd}” is never ended",
        "Line 6: “{reasons}” must stand on a line of its own Never ended {reasons}",
    ):
        assert fault in said, fault
    assert body in page.content.decode() and page.status_code == 200
    refused = clara.post(PATH, sent(body, act="save", reason="r"))
    assert refused.status_code == 422 and "line 3: “{graunds}”" in words(refused) and body in refused.content.decode()


def test_a_version_saved_in_between_costs_no_text(clara) -> None:
    assert clara.post(PATH, sent("Theirs.", act="save", reason="r")).status_code == 302
    mine = clara.post(PATH, sent("Mine.", act="save", reason="r"))
    assert mine.status_code == 409 and "Version 2 was saved in between" in words(mine) and "Mine." in words(mine)
    number = re.search(r'name="expected_number" value="(\d+)"', mine.content.decode())[1]
    assert clara.post(PATH, sent("Mine.", act="save", reason="r", expected_number=number)).status_code == 302
    assert queries.template_for("EU", "en", "upheld").body == "Mine.\n"
