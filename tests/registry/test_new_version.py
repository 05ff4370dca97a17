"""A version registered by page: the same checks as through the API, with what is wrong beside its field."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from audit.models import Entry
from registry.models import Version
from tests import factories

PAGE = "/systems/mortgage/versions/new/"


def sent(**changes: bytes | str | None) -> dict[str, object]:
    """A good form, some parts replaced or (None) left out."""
    trained = factories.trained_logistic()
    given = {"manifest": trained.manifest.decode(), "artifact": trained.artifact, "background": trained.background}
    parts = {name: value for name, value in {**given, **changes}.items() if value is not None}
    return {
        name: SimpleUploadedFile(name, value) if isinstance(value, bytes) else value for name, value in parts.items()
    }


def test_the_form_starts_from_the_newest_version_without_what_was_only_true_of_it(client_of, lead) -> None:
    page = client_of(lead).get(PAGE)
    started = json.loads(page.context["form"]["manifest"].value())
    assert set(started) == {"model", "inputs", "output"} and started["model"]["format"] == "xgboost"
    assert next(iter(started["inputs"]["properties"])) == "pirat"
    factories.make_system(lead.actor, "loans")
    assert b"Yearly income" in client_of(lead).get("/systems/loans/versions/new/").content


def test_a_version_is_registered(client_of, lead) -> None:
    trained = factories.trained_logistic()
    page = client_of(lead).post(PAGE, sent(evaluation=trained.evaluation), follow=True)
    assert page.redirect_chain == [("/systems/mortgage/versions/3/", 302)]
    assert b"Version 3 is registered" in page.content
    made = Version.objects.get(number=3)
    assert made.registered_by == "user:lead" and made.evaluation_sha256
    assert Entry.objects.filter(type="version.registered", version=3).count() == 1


def test_htmx_is_sent_on_to_the_version(client_of, lead) -> None:
    answer = client_of(lead).post(
        PAGE, sent(manifest=None, manifest_file=factories.trained_logistic().manifest), headers={"HX-Request": "true"}
    )
    assert (answer.status_code, answer["HX-Redirect"]) == (200, "/systems/mortgage/versions/3/")


@pytest.mark.parametrize(
    "changes,field,words",
    [
        ({"manifest": "{"}, "manifest", "cannot be read"),
        ({"manifest": "{}"}, "manifest", "inputs: is required"),
        ({"manifest": ""}, "manifest", "is required"),
        ({"artifact": None}, "artifact", "is required"),
        ({"artifact": b""}, "artifact", "The submitted file is empty."),
        ({"artifact": b"\x80\x04}."}, "artifact", "This is a pickle or joblib file."),
        ({"background": b"pirat\n0.1\n"}, "background", "hirat: is a missing column"),
        ({"evaluation": b"label\ndeny\n"}, "evaluation", "pirat: is a missing column"),
        ({"golden": b"score\n1\n"}, "golden", "pirat: is a missing column"),
    ],
)
@pytest.mark.parametrize("by_htmx", [True, False])
def test_what_is_wrong_stands_at_its_field(client_of, lead, changes, field: str, words: str, by_htmx: bool) -> None:
    form = sent(**{"manifest": factories.trained_logistic().manifest.decode(), **changes})
    headers = {"HX-Request": "true"} if by_htmx else {}
    page = client_of(lead).post(PAGE, form, headers=headers)
    assert page.status_code == 422
    errors = page.context["form"].errors
    assert set(errors) == {field} and any(words in error for error in errors[field]), errors
    text = page.content.decode()
    assert ("<h1>" in text) is not by_htmx and (f'id="id_{field}_problems" hx-swap-oob="true"' in text) is by_htmx
    # The words that were typed are still there.
    assert by_htmx or ("<textarea" in text and ("pirat" in text or field == "manifest"))
    assert Version.objects.count() == 2 and Entry.objects.filter(type="version.refused").count() == 1


def test_a_part_that_is_too_large_is_said_at_its_field(client_of, lead, settings) -> None:
    settings.ARTIFACT_MAX_BYTES = 2_000
    page = client_of(lead).post(PAGE, sent())
    assert page.status_code == 422 and "artifact" in page.context["form"].errors


def test_an_empty_post_is_no_fault(client_of, lead) -> None:
    assert client_of(lead).post(PAGE, {}).status_code == 422


def test_who_may_not_register_sees_neither_page_nor_button(client_of, lead, compliance) -> None:
    assert client_of(compliance).get(PAGE).status_code == 403
    assert client_of(compliance).post(PAGE, sent()).status_code == 403
    assert b"Register a version" not in client_of(compliance).get("/systems/mortgage/").content
    assert b"Register a version" in client_of(lead).get("/systems/mortgage/").content
    assert not Entry.objects.filter(type="version.refused").exists()
