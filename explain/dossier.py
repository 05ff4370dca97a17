"""What explanations, reviews and letters say in a system's dossier: registered there, since it may not import us.

Only what happened or is in force; a count is volatile, so no statement goes stale by one more case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from math import ceil
from statistics import median
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_noop as _

from explain.models import Dispute, Explanation, Letter, Outcome, Ruling
from explain.queries import policy_of
from explain.rehearsing import KIND
from portal.accounts.access import Permission
from registry.dossier.evidence import Fact, Subject, contribute

SOURCE = "system:disputes"
_CASES: dict[str, Any] = {"seen_with": Permission.DISPUTE_LIST}


def register_facts() -> None:
    """Register what this module fills."""
    for key in ("explainability.local_method", "explainability.limits"):
        contribute(key, rehearsed)
    contribute("explainability.local_result", explained)
    for key in ("oversight.policy", "oversight.controls"):
        contribute(key, ruled)
    for key in ("oversight.reviews", "oversight.decision_record"):
        contribute(key, reviewed)
    for key in ("complaint.cases", "complaint.letters"):
        contribute(key, complained)


def rehearsed(subject: Subject) -> Iterator[Fact]:
    """How one decision of the version is explained, as the rehearsal before its approval found."""
    version = subject.version
    found = version.evidence.filter(kind=KIND, verdict="passed").order_by("-id").first() if version else None
    if version is None or found is None:
        return
    url = reverse("registry:version", args=[version.system.slug, version.number]) + f"#gate-{KIND}"
    common: dict[str, Any] = {"as_of": found.recorded_at, "source": found.recorded_by, "url": url}
    methods = ", ".join(found.payload.get("methods", [])).replace("_", " ")
    words = _("Each decision of version %(number)s can be explained by SHAP (%(methods)s) and LIME: %(summary)s.")
    values: dict[str, Any] = {"number": version.number, "methods": methods or "unnamed", "summary": found.summary}
    yield Fact("explainability.local_method", words, values, **common)
    if agreement := found.payload.get("agreement"):
        named = ", ".join(f"{word.replace('_', ' ')} in {count}" for word, count in sorted(agreement.items()))
        words = _("How far the two methods agree was rehearsed on %(rows)s rows: %(agreement)s.")
        values = {"rows": len(found.payload.get("rows", [])), "agreement": named}
        yield Fact("explainability.limits", words, values, **common)


def explained(subject: Subject) -> Iterator[Fact]:
    """That decisions of the system were explained."""
    done = Explanation.objects.filter(system=subject.system.slug, state="done").order_by("finished_at")
    first = done.first()
    if first is None:
        return
    words = _("Decisions explained one by one: %(count)s; each report is kept with its digest.")
    url = reverse("explain:disputes") + f"?system={subject.system.slug}"
    values, as_of = {"count": done.count()}, first.finished_at or first.requested_at
    yield Fact("explainability.local_result", words, values, as_of, SOURCE, url, volatile=("count",), **_CASES)


def ruled(subject: Subject) -> Iterator[Fact]:
    """By which rules a dispute is reviewed, and what a reviewer may do."""
    slug, policy = subject.system.slug, policy_of(subject.system.slug)
    as_of = policy.changed_at if policy.pk else subject.system.created_at
    url = reverse("explain:dispute_policy", args=[slug])
    common: dict[str, Any] = {"as_of": as_of, "source": policy.changed_by or "system:default", "url": url, **_CASES}
    words = _("A dispute is answered within %(days)s days, reviewed by another person than who took it in; %(blind)s.")
    blind = "the reviewer first judges without the model's answer" if policy.blind_review else "the answer is in sight"
    yield Fact("oversight.policy", words, {"days": policy.days, "blind": blind}, **common)
    words = _("A reviewer can end a dispute in these ways: %(outcomes)s. The record of the decision itself stays.")
    outcomes = "; ".join(Outcome(value).label.lower() for value in Outcome.values)
    yield Fact("oversight.controls", words, {"outcomes": outcomes}, **common)


def reviewed(subject: Subject) -> Iterator[Fact]:
    """What reviews ended with, and how long they took."""
    rulings = list(
        Ruling.objects.filter(dispute__system=subject.system.slug)
        .order_by("decided_at")
        .values_list("outcome", "decided_at", "dispute__received_at")
    )
    if not rulings:
        return
    counted = Counter(outcome for outcome, _decided, _received in rulings)
    taken = median((decided - received) / timedelta(days=1) for _outcome, decided, received in rulings)
    turned = len(rulings) - counted[Outcome.UPHELD]
    url = reverse("explain:disputes") + f"?system={subject.system.slug}"
    common: dict[str, Any] = {"as_of": rulings[0][1], "source": SOURCE, "url": url, **_CASES}
    words = _("Disputes reviewed by people: %(count)s; decisions changed: %(turned)s; half took below %(days)s days.")
    # Rounded up: an hour is below 0.1 days, not below none.
    values: dict[str, Any] = {"count": len(rulings), "turned": turned, "days": f"{ceil(taken * 10) / 10:.1f}"}
    yield Fact("oversight.reviews", words, values, volatile=("count", "turned", "days"), **common)
    words = _("Rulings so far: %(count)s; each is kept with reviewer, grounds and time, beside the decision.")
    yield Fact("oversight.decision_record", words, {"count": len(rulings)}, volatile=("count",), **common)


def complained(subject: Subject) -> Iterator[Fact]:
    """Disputes that came in, and letters that went out."""
    slug = subject.system.slug
    disputes = Dispute.objects.filter(system=slug).order_by("number")
    first = disputes.first()
    if first is None:
        return
    url = reverse("explain:disputes") + f"?system={slug}"
    words = _("Disputes about the system so far: %(count)s; open now: %(open)s.")
    values = {"count": disputes.count(), "open": disputes.filter(closed_at=None).count()}
    volatile = ("count", "open")
    yield Fact("complaint.cases", words, values, first.received_at, SOURCE, url, volatile=volatile, **_CASES)
    letters = Letter.objects.filter(dispute__system=slug).order_by("sent_at")
    if sent := letters.first():
        words = _("Letters sent in answer to disputes: %(count)s; each is kept as a file with its digest.")
        values = {"count": letters.count()}
        yield Fact("complaint.letters", words, values, sent.sent_at, SOURCE, url, volatile=("count",), **_CASES)
