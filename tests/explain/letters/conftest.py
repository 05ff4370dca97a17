"""Decided cases about explained decisions, and what is in the PDF of their letters."""

from __future__ import annotations

import io
import json
from typing import Any

from django.utils import timezone
from pypdf import PdfReader

from audit.models import Entry
from explain import services as explaining
from explain.disputes import services as cases
from explain.models import Dispute, Explanation
from explain.reviewing import services as reviewing
from explain.tasks import WORKER
from tests.explain.disputes.conftest import act, actor, opened

SENDER = "Countersign Bank\nMarket Square 1\n12345 Town"
REPORT: dict[str, Any] = {
    "completeness": "full",
    "threshold": 0.5,
    "output_space": "log_odds",
    "seed": 7,
    "replay": {"recorded": 0.9, "recomputed": 0.9, "verdict": "matches"},
    "shap": {
        "method": "linear",
        "base_value": -1.2,
        "prediction": 2.0,
        "additivity_error": 0.0,
        "contributions": [
            {"feature": "pirat", "value": 0.62, "contribution": 2.0, "share": 0.5},
            {"feature": "phist", "value": "yes", "contribution": 1.0, "share": 0.25},
            {"feature": "hschool", "value": "no", "contribution": -1.0, "share": 0.25},
        ],
    },
    "lime": None,
    "agreement": {"verdict": "agree", "sign_agreement": 1.0, "top3_overlap": 1.0, "rank_correlation": 1.0},
    "counterfactuals": [
        {"changes": [{"feature": "pirat", "from": 0.62, "to": 0.2}], "score": 0.31, "label": "grant"},
    ],
    "background": {"rows": 1000, "sha256": "ab" * 32, "population": "a sample"},
    "reasons": ["Payments: 0.62."],
    "disclosures": ["Not causal."],
    "timings_ms": {"total": 420},
}


def policy(**changes: Any) -> None:
    """The system's dispute policy, with a sender."""
    wanted = {"sender": SENDER, "contact": "disputes@bank.example", **changes}
    facts = {"system": "mortgage", "policy": wanted, "reason": "r", "now": timezone.now()}
    cases.set_policy(actor=actor("compliance"), **facts)


def explain(dispute: Dispute, report: dict[str, Any] | None = None) -> None:
    """A finished explanation of the case's decision."""
    act(cases.explain_dispute, dispute, decision=decision_of(dispute))
    asked = Explanation.objects.get(decision_id=dispute.decision_id)
    job = explaining.claim_explanation(explanation_id=asked.id, is_redelivery=False, now=timezone.now())
    explaining.finish_explanation(actor=WORKER, explanation=job, report=report or REPORT, now=timezone.now())
    dispute.refresh_from_db()


def decided(outcome: str = "upheld", code: str = "confirmed", *, report: Any = None, **changes: Any) -> Dispute:
    """A case that was taken in, explained, reviewed and decided."""
    policy()
    facts = {"identity": "called back", **changes}
    grounds = facts.pop("grounds", "We looked at everything again.\n\nIt is right.")
    dispute = opened(**facts)
    if dispute.decision_id and decision_of(dispute).status == "answered":
        explain(dispute, report)
    act(reviewing.start_review, dispute, by="compliance")
    said = {"outcome": outcome, "reason_code": code, "grounds": grounds}
    act(reviewing.decide_dispute, dispute, by="compliance", decision=decision_of(dispute), **said)
    return dispute


def decision_of(dispute: Dispute) -> Entry:
    """The decision that the case is about."""
    return Entry.objects.get(pk=dispute.decision_id)


def text_of(pdf: bytes) -> str:
    """The words in a PDF, as another program reads them."""
    return "\n".join(page.extract_text(extraction_mode="layout") for page in PdfReader(io.BytesIO(pdf)).pages)


def embedded_in(pdf: bytes) -> Any:
    """The JSON file that is embedded in a PDF."""
    [[content]] = PdfReader(io.BytesIO(pdf)).attachments.values()
    return json.loads(content)



