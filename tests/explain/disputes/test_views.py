"""The queue and the case as pages: what they show, what they record, and what they keep from a blind reviewer."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from audit.models import Entry
from explain import tasks
from explain.disputes import services
from explain.models import Dispute, Explanation
from explain.reviewing import services as reviewing
from tests import factories
from tests.explain.letters.conftest import decided, explain, policy

from .conftest import PDF, act, actor, in_days, opened


@pytest.fixture
def sam(client_of, support):
    return client_of(support)


@pytest.fixture
def clara(client_of, compliance):
    return client_of(compliance)


def words(answer) -> str:
    """The page's words on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


class TestQueue:
    def test_an_empty_one_says_how_it_fills(self, sam) -> None:
        page = words(sam.get("/disputes/"))
        assert "No case is open" in page and "Find a decision" in page
        assert "No case matches" in words(sam.get("/disputes/?owner=me"))

    def test_it_is_filtered_and_shows_no_claims(self, sam) -> None:
        late = opened(received_at=in_days(-33), claim="Unmistakable words.")
        other = opened()
        Dispute.objects.filter(pk=other.pk).update(owner="user:support")
        page = words(sam.get("/disputes/"))
        assert "Unmistakable" not in page and "3 days late" in page and "33 days" in page
        assert not Entry.objects.filter(type="dispute.read").exists()
        assert f"Dispute {other.number}" not in words(sam.get("/disputes/?overdue=on"))
        mine = words(sam.get("/disputes/?owner=me"))
        assert f"Dispute {other.number}" in mine and f"Choose dispute {late.number}" not in mine
        assert "No case matches" in words(sam.get(f"/disputes/?due_before={in_days(-40):%Y-%m-%d}"))
        assert "No case matches" in words(sam.get("/disputes/?state=closed"))
        assert sam.get("/disputes/?state=odd&due_before=x").status_code == 200

    def test_several_are_explained_at_once_and_watched(self, sam) -> None:
        first, second, refused = opened(), opened(), opened(factories.refused())
        asked = sam.post("/disputes/explain/", {"case": [first.number, second.number, refused.number]})
        where = asked["Location"]
        assert where == f"/disputes/explaining/?case={first.number}&case={second.number}&case={refused.number}"
        page = words(sam.get(where))
        assert "1 of 3 finished" in page and f"Dispute {refused.number}: This request was refused" in page
        assert not Explanation.objects.filter(is_urgent=True).exists(), "nobody waits at the telephone for these"
        for explanation in Explanation.objects.all():
            tasks.compute(str(explanation.id))
        part = sam.get(where, headers={"HX-Request": "true"})
        assert part.status_code == 286 and "3 of 3 finished" in words(part)
        assert Entry.objects.filter(type="explanation.requested").count() == 2
        assert sam.post("/disputes/explain/", {"case": ["x"]})["Location"] == "/disputes/"


class TestCase:
    def test_reading_it_is_recorded(self, sam) -> None:
        dispute = opened(claim="Unmistakable words.")
        page = sam.get(f"/disputes/{dispute.number}/")
        assert "Unmistakable words." in words(page) and "not checked" in words(page)
        entry = Entry.objects.get(type="dispute.read")
        assert (entry.actor, entry.object) == ("user:support", str(dispute.decision_id))

    def test_other_cases_of_the_same_person_are_linked(self, sam) -> None:
        first = opened(factories.decided(subject="applicant-1"))
        second = opened(factories.decided(subject="applicant-1"))
        opened(factories.decided(subject="applicant-2"))
        page = words(sam.get(f"/disputes/{first.number}/"))
        assert f"Same person Dispute {second.number}" in page and f"Dispute {second.number + 1}" not in page

    def test_what_people_do_in_it(self, sam) -> None:
        dispute = opened()
        path = f"/disputes/{dispute.number}/"
        for act_on, sent in (
            ("assign/", {"username": "support", "expected_owner": ""}),
            ("notes/", {"words": "<b>Called</b> at noon."}),
            ("identity/", {"how": "called back"}),
            ("extend/", {"due_at": f"{in_days(45):%Y-%m-%d}", "reason": "The archive is slow."}),
        ):
            assert sam.post(path + act_on, sent)["Location"] == path, act_on
        page = sam.get(path).content.decode()
        assert "&lt;b&gt;Called&lt;/b&gt; at noon." in page and "The archive is slow." in page
        assert sam.post(f"{path}notes/", {"words": ""}).status_code == 422
        assert sam.post(f"{path}withdraw/", {"reason": "A mistake.", "expected_state": "decided"}).status_code == 409
        sam.post(f"{path}withdraw/", {"reason": "A mistake.", "expected_state": "received"})
        dispute.refresh_from_db()
        assert dispute.state == "closed" and "The case is closed" in words(sam.get(path))

    def test_a_file_is_sent_and_fetched(self, sam) -> None:
        dispute = opened()
        path = f"/disputes/{dispute.number}/files/"
        assert sam.post(path, {"file": SimpleUploadedFile("pay slip.pdf", PDF)}).status_code == 302
        kept = dispute.attachments.get()
        page = sam.get(f"/disputes/{dispute.number}/").content.decode()
        assert "pay slip.pdf" in page
        answer = sam.get(f"{path}{kept.id}/")
        assert answer.content == PDF and answer["Content-Type"] == "application/pdf"
        assert answer["Content-Disposition"].startswith("attachment") and answer["Cache-Control"] == "no-store"
        assert Entry.objects.filter(type="dispute.file_read", actor="user:support").count() == 1
        assert sam.post(path, {"file": SimpleUploadedFile("a.pdf", b"MZ\x00")}).status_code == 422
        large = SimpleUploadedFile("large.txt", b"a" * (5 * 1024 * 1024 + 1))
        assert sam.post(path, {"file": large}).status_code == 413 and dispute.attachments.count() == 1

    def test_others_find_no_file(self, sam, client_of, auditor) -> None:
        kept = act(services.attach_file, opened(), name="a.txt", content=b"plain")
        other = opened()
        assert client_of(auditor).get(f"/disputes/{kept.dispute_id}/files/{kept.id}/").status_code == 404
        assert sam.get(f"/disputes/{other.number}/files/{kept.id}/").status_code == 404

    def test_an_erased_case_stands_empty(self, sam) -> None:
        from tests.audit.erasure.test_services import OLD_DAYS, ask, confirm, decided_days_ago

        dispute = opened(decided_days_ago(OLD_DAYS), claim="Unmistakable words.")
        act(services.add_note, dispute, words="Unmistakable note.")
        act(services.attach_file, dispute, name="unmistakable.txt", content=b"plain")
        kept = dispute.attachments.get()
        confirm(ask())
        page = words(sam.get(f"/disputes/{dispute.number}/"))
        assert "nmistakable" not in page and "Erased" in page and "Taken in by phone" in page
        assert sam.get(f"/disputes/{dispute.number}/files/{kept.id}/").status_code == 404
        assert sam.post(f"/disputes/{dispute.number}/notes/", {"words": "More."}).status_code == 409
        assert sam.post(f"/disputes/{dispute.number}/withdraw/", {"reason": "Erased."}).status_code == 302


class TestReview:
    def test_a_blind_reviewer_sees_the_answer_nowhere_before_the_first_view(self, clara, support) -> None:
        policy(blind_review=True)
        dispute = opened()
        explain(dispute)
        path = f"/disputes/{dispute.number}/"
        started = clara.post(f"{path}review/start/", {"expected_state": "explained"})
        assert started["Location"] == f"{path}review/"
        for page in (clara.get(path), clara.get(f"{path}review/")):
            assert "deny" not in words(page) and "Payments: 0.62." not in words(page)
        assert "Debt payments to income 0.62" in words(clara.get(f"{path}review/"))
        explanation = f"/explanations/{dispute.explanation_id}/"
        assert clara.get(explanation).status_code == 409 and clara.get(f"/api/v1{explanation}").status_code == 409
        assert "This cannot be shown now" in words(clara.get(explanation))
        clara.post(f"{path}review/first-view/", {"words": "I would grant it."})
        page = words(clara.get(f"{path}review/"))
        assert "“deny”" in page and "Payments: 0.62." in page and "I would grant it." in page
        assert clara.get(f"/api/v1{explanation}").status_code == 200

    def test_it_is_corrected_and_decided(self, clara, support) -> None:
        policy()
        dispute = opened()
        explain(dispute)
        path = f"/disputes/{dispute.number}/review/"
        clara.post(f"{path}start/", {"expected_state": "explained"})
        wrong = clara.post(f"{path}correct/", {**factories.DENIED, "pirat": "99"})
        assert wrong.status_code == 422 and "must be" in words(wrong)
        assert "change nothing" in words(clara.post(f"{path}correct/", factories.DENIED))
        assert clara.post(f"{path}correct/", factories.GRANTED)["Location"] == path
        correction = dispute.corrections.get()
        state = clara.get(f"{path}corrections/{correction.id}/")
        assert state.status_code == 200 and "queued" in words(state)
        from explain.reviewing.tasks import rescore

        rescore(str(correction.id))
        scored = clara.get(f"{path}corrections/{correction.id}/")
        assert scored.status_code == 286 and "answers “grant”" in words(scored)
        # What was put right stays in the form, and the timeline calls inputs as people do.
        assert b'name="pirat" value="0.22"' in clara.get(path).content
        timeline = words(clara.get(f"/disputes/{dispute.number}/"))
        assert re.search(r"Inputs corrected: [^.]*Debt payments to income", timeline) and "pirat" not in timeline
        said = {"outcome": "corrected", "reason_code": "confirmed", "grounds": "g", "expected_state": "in_review"}
        refused = clara.post(f"{path}decide/", said)
        assert refused.status_code == 422 and "must be one of: clerical, input_wrong" in words(refused)
        done = clara.post(f"{path}decide/", {**said, "reason_code": "input_wrong"})
        assert done["Location"] == f"/disputes/{dispute.number}/"
        assert "“grant” is in force instead of “deny”" in words(clara.get(done["Location"]))

    def test_without_a_scored_correction_the_form_says_so_and_keeps_the_words(self, clara, support) -> None:
        dispute = opened()
        act(reviewing.start_review, dispute, by="compliance")
        said = {"outcome": "corrected", "reason_code": "input_wrong", "grounds": "These very words."}
        answer = clara.post(f"/disputes/{dispute.number}/review/decide/", said)
        assert answer.status_code == 422 and "Correct the inputs first" in words(answer)
        assert "These very words." in answer.content.decode()


class TestPolicy:
    def test_it_is_set_by_its_page(self, clara, sam) -> None:
        path = "/disputes/policy/mortgage/"
        assert "Nobody has set it" in words(sam.get(path))
        sent = {"days": "20", "blind_review": "on", "jurisdiction": "EU", "language": "de", "reason": "r"}
        assert clara.post(path, {**sent, "days": "0"}).status_code == 422
        assert clara.post(path, {**sent, "sender": "The Bank"})["Location"] == path
        assert "20 days after receipt" in words(sam.get(path)) and sam.post(path, sent).status_code == 403


class TestLetter:
    def test_it_is_looked_at_and_sent_as_it_was_seen(self, sam, support) -> None:
        dispute = decided()
        path = f"/disputes/{dispute.number}/letter/"
        page = sam.get(path)
        assert "addressed to nobody" in words(page) and "We looked at everything again." in words(page)
        sent = {"language": "de", "recipient": "Ada <Applicant>", "delivery": "post", "expected_state": "decided"}
        looked = sam.post(path, {**sent, "act": "look"})
        seen = re.search(r'name="seen_sha256" value="([0-9a-f]{64})"', looked.content.decode())[1]
        assert "Ada &lt;Applicant&gt;" in looked.content.decode() and "Es bleibt bei der Entscheidung" in words(looked)
        other = sam.post(path, {**sent, "recipient": "Bob", "act": "send", "seen_sha256": seen})
        assert other.status_code == 409 and "something else than what you saw" in words(other)
        done = sam.post(path, {**sent, "act": "send", "seen_sha256": seen})
        assert done.status_code == 302 and "Es bleibt bei der Entscheidung" in words(sam.get(done["Location"]))
        pdf = sam.get(f"{done['Location']}letter.pdf")
        assert pdf["Content-Type"] == "application/pdf" and pdf.content.startswith(b"%PDF-1.7")
        assert Entry.objects.filter(type="letter.read").count() == 2
        assert sam.get(path).status_code == 302

    def test_templates_and_wording_are_kept_by_page(self, clara, compliance) -> None:
        path = "/letters/templates/EU/en/upheld/"
        assert "Version 1" in words(clara.get(path)) and "Letter templates" in words(clara.get("/letters/"))
        sent = {"title": "t", "body": "a\n{weather}", "reason": "r", "expected_number": "1"}
        wrong = clara.post(path, sent)
        assert wrong.status_code == 422 and "line 2: “{weather}” is no placeholder" in words(wrong)
        assert clara.post(path, {**sent, "body": "a\n\n{grounds}"})["Location"] == path
        assert clara.post(path, {**sent, "body": "b"}).status_code == 409
        begun = clara.get("/letters/?jurisdiction=CH&language=fr&kind=changed")
        assert begun["Location"] == "/letters/templates/CH/fr/changed/"
        assert "begins with the English text" in words(clara.get(begun["Location"]))
        told = clara.post("/letters/wording/mortgage/de/pirat/", {"title": "Raten", "sentence": "{value}!"})
        assert told["Location"] == "/letters/wording/mortgage/?language=de#pirat"
        assert "Raten" in clara.get("/letters/wording/mortgage/?language=de").content.decode()
        assert clara.post("/letters/wording/mortgage/de/pirat/", {"title": ""}).status_code == 422
        assert clara.post("/letters/wording/mortgage/de/nothing/", {"title": "t"}).status_code == 404


def test_the_desk_says_what_waits_for_whom(sam, clara) -> None:
    opened()
    reviewed = opened()
    explain(reviewed)
    waiting = decided()
    Dispute.objects.filter(pk=waiting.pk).update(due_at=timezone.now())
    assert actor().label == "user:support"
    page = words(clara.get("/"))
    assert "To be looked at again" in page and "Decided: the letter is next" in page
    mine = words(sam.get("/"))
    assert "To be explained" in mine and "To be looked at again" not in mine
