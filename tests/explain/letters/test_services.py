"""A letter is made, looked at, frozen and proven; what is incomplete is not sent, and what was sent stays."""

from __future__ import annotations

import hashlib

import psycopg
import pytest
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone

from audit.models import Entry
from audit.queries import facts_of
from explain.letters import queries, services
from explain.models import Letter, LetterTemplate
from explain.wording import services as wording
from portal.errors import Conflict, Forbidden, Invalid
from tests import factories
from tests.explain.disputes.conftest import act, actor, newest, opened

from .conftest import REPORT, decided, decision_of, embedded_in, explain, policy, text_of

RECIPIENT = "Ada Applicant\nHill Road 2\n54321 Town"
HOSTILE = '#import "/etc/passwd" *bold* _it_ $x$ `raw` <label> @ref \\u{41} -- // c #{1+1} [x] = no {case} <b>&amp;</b>'


def send(dispute, *, by: str = "support", **changes) -> Letter:
    facts = {"language": "en", "recipient": RECIPIENT, "delivery": "post", **changes}
    return act(services.send_letter, dispute, by=by, decision=decision_of(dispute), **facts)


def draft(dispute, language: str = "en", recipient: str = RECIPIENT) -> queries.Draft:
    dispute.refresh_from_db()
    return queries.draft_of(
        dispute, decision_of(dispute), language=language, recipient=recipient, now=timezone.now()
    )


def words(made: queries.Draft) -> str:
    blocks = made.content["blocks"]
    return "\n".join(text for block in blocks for text in (block.get("text"), *block.get("items", ())) if text)


class TestDrafting:
    @pytest.mark.parametrize("language", ["en", "de"])
    @pytest.mark.parametrize("outcome, code", [("upheld", "confirmed"), ("overturned", "model_error")])
    def test_the_letters_that_came_along_are_complete(self, support, language: str, outcome: str, code: str) -> None:
        made = draft(decided(outcome, code), language)
        assert made.problems == [] and made.template.number == 1 and "{" not in words(made)
        for part in ("Debt payments to income", "0,62" if language == "de" else "0.62", "It is right.", "Art. 86"):
            assert part in words(made), part
        kinds = [block["kind"] for block in made.content["blocks"]]
        assert "bars" in kinds and made.content["sender"].startswith("Countersign Bank")
        assert ("grant" in words(made)) and ("deny" in words(made))

    def test_a_corrected_case_whose_answer_stays_says_so(self, support) -> None:
        from explain.reviewing import services as reviewing
        from explain.reviewing import tasks

        policy()
        dispute = opened(identity="signed in")
        explain(dispute)
        act(reviewing.start_review, dispute, by="compliance")
        facts = {"decision": decision_of(dispute), "changes": {"unemp": 9.9}}
        correction = act(reviewing.correct_inputs, dispute, by="compliance", **facts)
        tasks.rescore(str(correction.id))
        said = {"outcome": "corrected", "reason_code": "clerical", "grounds": "g"}
        act(reviewing.decide_dispute, dispute, by="compliance", decision=decision_of(dispute), **said)
        made = draft(dispute)
        assert made.problems == [] and "With the right data, too, the answer is “deny”" in words(made)

    def test_a_case_without_an_answer_gets_a_letter_without_a_score(self, support) -> None:
        dispute = decided("upheld", "not_substantiated", decision=factories.refused())
        made = draft(dispute)
        assert made.problems == [] and "turned away before the AI system judged it" in words(made)
        assert "score" not in words(made)

    def test_what_keeps_it_from_being_sent_is_named(self, support) -> None:
        dispute = decided(identity="")
        policy(sender="")
        made = draft(dispute, recipient=" ")
        said = " ".join(made.problems)
        for part in ("made sure yet who contests", "does not say who writes", "addressed to nobody"):
            assert part in said
        with pytest.raises(Conflict, match="cannot be sent: Nobody has made sure") as caught:
            send(dispute, recipient="")
        assert caught.value.code == "letter_incomplete" and len(caught.value.details) == 3
        dispute.refresh_from_db()
        assert dispute.state == "decided" and not Letter.objects.exists()

    def test_a_language_without_template_is_told(self, support) -> None:
        assert "no template for “upheld” in fr" in " ".join(draft(decided(), "fr").problems)

    def test_without_an_explanation_nothing_is_sent(self, support) -> None:
        dispute = decided()
        dispute.explanation = None
        dispute.save()
        assert "not explained yet" in " ".join(draft(dispute).problems)

    def test_a_protected_characteristic_is_never_silent(self, support) -> None:
        spec = factories.version(1).spec
        named = next(each.name for each in spec.inputs.features if each.protected)
        item = {"feature": named, "value": "yes", "contribution": 0.9, "share": 0.2}
        shap = {"contributions": [*REPORT["shap"]["contributions"], item]}
        dispute = decided(report={**REPORT, "shap": shap})
        made = draft(dispute)
        title = spec.inputs.by_name[named].title
        assert made.problems == [] and title in made.warnings[0] and f"protects specially: {title}" in words(made)
        body = queries.template_for("EU", "en", "upheld").body
        kept = {"jurisdiction": "EU", "language": "en", "kind": "upheld", "title": "t", "reason": "r"}
        silent = body.replace("specially: {protected}", "specially")
        services.save_template(actor=actor("compliance"), body=silent, now=timezone.now(), **kept)
        assert "no {protected} to say so" in " ".join(draft(dispute).problems)

    def test_an_undecided_case_has_no_letter(self, support) -> None:
        with pytest.raises(Conflict, match="no ruling"):
            draft(opened())


class TestSending:
    def test_it_is_frozen_sealed_and_proven(self, support) -> None:
        dispute = decided()
        seen = draft(dispute)
        letter = send(dispute, seen_sha256=seen.sha256, expected_state="decided")
        assert dispute.state == "answered"
        pdf = queries.pdf_of(letter)
        assert hashlib.sha256(pdf).hexdigest() == letter.pdf_sha256 and len(pdf) == letter.pdf_bytes
        assert newest() == (
            "letter.sent",
            {
                **{"dispute": dispute.number, "letter": str(letter.id), "template": "EU/en/upheld/1"},
                **{"delivery": "post", "pdf_sha256": letter.pdf_sha256},
            },
        )
        assert queries.content_of(letter) == seen.content
        assert pdf not in bytes(letter.sealed_pdf) and b"Ada" not in bytes(letter.sealed_content)
        read = text_of(pdf)
        for part in ("Ada Applicant", "Countersign Bank", "Debt payments to income", "It is right.", "Hill Road 2"):
            assert part in read, part
        assert queries.entry_of(letter) == Entry.objects.order_by("-id").first().id

    def test_it_is_pdf_a_3_with_the_explanation_for_machines(self, support) -> None:
        pdf = queries.pdf_of(send(decided()))
        assert b"<pdfaid:part>3</pdfaid:part>" in pdf and b"<pdfaid:conformance>A</pdfaid:conformance>" in pdf
        told = embedded_in(pdf)
        assert told["answer_now"] == "deny" and told["reasons"][0]["feature"] == "pirat"

    def test_what_people_type_is_shown_and_never_run(self, support) -> None:
        dispute = decided(grounds=f"{HOSTILE}\n\n= no heading\n\n- no list")
        letter = send(dispute, recipient=f"{HOSTILE}\n#panic()")
        flat = " ".join(text_of(queries.pdf_of(letter)).split())
        literal = ("*bold* _it_ $x$ `raw` <label> @ref", "#{1+1} [x] = no {case} <b>&amp;</b>", "#panic()")
        for part in (*literal, "= no heading", "- no list"):
            assert part in flat, part

    def test_a_letter_that_changed_since_it_was_seen_is_not_sent(self, support) -> None:
        dispute = decided()
        seen = draft(dispute).sha256
        policy(contact="another address")
        with pytest.raises(Conflict, match="something else than what you saw") as caught:
            send(dispute, seen_sha256=seen)
        assert caught.value.code == "letter_changed"

    def test_a_name_that_no_font_shows_is_told_not_boxed(self, support) -> None:
        dispute = decided()
        with pytest.raises(Conflict, match="cannot be sent: No font at hand shows “\U0010ff00”") as caught:
            send(dispute, recipient="Ada \U0010ff00\nTown")
        assert caught.value.code == "not_printed"
        assert send(dispute, recipient="Żółć Ćwiąkała-Ðuriś\nŘež 1, Þórshöfn").pdf_bytes > 10_000

    def test_one_letter_a_round_and_only_when_decided(self, support) -> None:
        dispute = decided()
        send(dispute)
        with pytest.raises(Conflict, match="is answered, and must be decided"):
            send(dispute)
        with pytest.raises(Invalid):
            send(decided(), delivery="pigeon")

    @pytest.mark.parametrize("username", ["lead", "auditor", "outsider"])
    def test_others_send_none(self, db, username: str) -> None:
        with pytest.raises(Forbidden):
            send(decided(), by=username)

    def test_the_database_keeps_what_was_sent(self, support) -> None:
        send(decided())
        for statement in (
            "update explain_letter set sealed_pdf = ''",
            "update explain_letter set delivery = 'e-mail'",
            "delete from explain_letter",
            "truncate explain_letter",
            "update explain_lettertemplate set body = ''",
            "delete from explain_lettertemplate",
        ):
            with pytest.raises(ProgrammingError, match=r"permission denied"), transaction.atomic():
                connection.cursor().execute(statement)

    def test_not_even_the_owner_changes_a_sent_letter(self, committed: str, owner: psycopg.Connection) -> None:
        send(decided())
        for act_on in ("update {} set delivery = 'x'", "delete from {}", "truncate {}"):
            statement = act_on.format("explain_letter")
            with pytest.raises(psycopg.errors.RaiseException, match="what was sent stays"):
                owner.execute(statement)

    def test_a_reading_is_recorded(self, support) -> None:
        letter = send(decided())
        services.record_letter_reading(actor=actor(), letter=letter)
        event, details = newest()
        assert event == "letter.read" and details["letter"] == str(letter.id)


class TestTemplates:
    def save(self, *, by: str = "compliance", **changes) -> LetterTemplate:
        facts = {"jurisdiction": "EU", "language": "en", "kind": "upheld", "title": "About {case}"}
        facts |= {"body": "It stands: {answer_now}.\n\n{grounds}", "reason": "Shorter.", **changes}
        return services.save_template(actor=actor(by), now=timezone.now(), **facts)

    def test_a_new_version_is_used_and_the_old_ones_stay(self, support) -> None:
        dispute = decided()
        made = self.save(expected_number=1)
        assert (made.number, newest()[0]) == (2, "letter_template.saved")
        assert draft(dispute).content["title"] == f"About Case {dispute.number}"
        assert send(dispute).template == made
        assert [version.number for version in queries.versions_of("EU", "en", "upheld")] == [2, 1]
        assert facts_of(Entry.objects.get(type="letter_template.saved"))["details"]["number"] == 2

    def test_another_law_and_language_begin_at_one(self, compliance) -> None:
        assert self.save(jurisdiction="CH", language="fr").number == 1
        assert queries.languages_for("CH") == ["fr"] and queries.languages_for("EU") == ["de", "en"]

    @pytest.mark.parametrize(
        "changes, path, part",
        [
            ({"body": "a\n\n{weather}"}, "body", "line 3: “{weather}” is no placeholder"),
            ({"title": "{grounds}"}, "title", "must stand on a line of its own"),
            ({"title": ""}, "title", "1 to 200"),
            ({"kind": "maybe"}, "kind", "must be one of"),
            ({"language": "english"}, "language", "must be a code"),
            ({"jurisdiction": "E U"}, "jurisdiction", "letters or digits"),
            ({"reason": " "}, "reason", "required"),
        ],
    )
    def test_what_is_wrong_is_named(self, compliance, changes: dict, path: str, part: str) -> None:
        with pytest.raises(Invalid) as caught:
            self.save(**changes)
        assert caught.value.details[0].path == path and part in caught.value.details[0].problem

    def test_who_saw_an_older_version_does_not_overwrite(self, compliance) -> None:
        self.save()
        with pytest.raises(Conflict, match="Version 2 was saved in between"):
            self.save(expected_number=1)

    def test_support_saves_none(self, support) -> None:
        with pytest.raises(Forbidden):
            self.save(by="support")


class TestWording:
    def test_it_is_used_in_the_letter_of_that_language(self, support) -> None:
        facts = {"system": "mortgage", "feature": "pirat", "language": "de", "now": timezone.now()}
        said = {"title": "Raten im Verhältnis zum Einkommen", "sentence": "Ihre Raten sind {value} Ihres Einkommens."}
        wording.set_wording(actor=actor("compliance"), **facts, **said)
        dispute = decided()
        assert "Ihre Raten sind 0,62 Ihres Einkommens." in words(draft(dispute, "de"))
        assert "Ihre Raten" not in words(draft(dispute))

    @pytest.mark.parametrize(
        "changes, path",
        [({"title": " "}, "title"), ({"sentence": "{other}"}, "sentence"), ({"language": "x"}, "language")],
    )
    def test_what_is_wrong_is_named(self, compliance, changes: dict, path: str) -> None:
        facts = {"system": "mortgage", "feature": "pirat", "language": "de", "title": "t", **changes}
        with pytest.raises(Invalid) as caught:
            wording.set_wording(actor=actor("compliance"), now=timezone.now(), **facts)
        assert [item.path for item in caught.value.details] == [path]
