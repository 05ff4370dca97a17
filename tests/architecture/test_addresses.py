"""Every address of the portal, and what each person is answered there. A new address needs a row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

import audit.erasure.services as erasing
import explain.disputes.services as disputing
import explain.letters.services as letters
import explain.reviewing.services as reviewing
import registry.approving.services as approving
import registry.dossier.services as dossier
import registry.incidents.reporting.services as reporting
import registry.incidents.services as incidents
import registry.risks.services as risks
from registry.incidents.clocks import Judged
from registry.risks.rating import Written
from tests import ci_tokens, exporting, factories, freezing
from tests.databases import undone

from .test_templates import url_names

PERSONAS = ("anonymous", "lead", "compliance", "support", "auditor", "outsider")
SYSTEM, VERSION = ("slug",), ("slug", "number")
WHY = {"reason": "Because."}
RELEASE = {**WHY, "version": 1, "expected_release": 2, "strategy": "direct"}
EXPORT = {"system": "mortgage", "since": "2026-01-01T00:00Z", "until": "2026-02-01T00:00Z", "format": "csv"}
SIGNED = {**WHY, "password": factories.PASSWORD}
RULE = {"compliance": 1, "ml_lead": 1, "any": 0}
RULING = {"outcome": "upheld", "reason_code": "confirmed", "grounds": "g"}
ANSWER = {"recipient": "Ada", "delivery": "post", "language": "en"}
LETTERS = ("jurisdiction", "language", "kind")
WORDS = {"jurisdiction": "EU", "language": "en", "kind": "upheld", "feature": "pirat"}
REGISTRY = {"gate": "image", "risk_class": "high", "form": "json"}
WRITING = {"text": "Words.", "kind": "statement", "expected_revision": 0, "password": factories.PASSWORD}
PAPER = {"key": "docs.ui_description", "title": "The desk", "url": "https://bank.example/desk"}
EVIDENCE = {"kind": "scan", "verdict": "claimed", "summary": "None found"}

INCIDENT = ("incident",)
RISK = {
    "written": Written(
        **{"title": "t", "source": "intended", "affected": "a", "harm": "h", "review_due": date(2999, 1, 1)},
        **{"severity": 3, "likelihood": 3, "residual_severity": 3, "residual_likelihood": 3},
    )
}
FROZEN = (*SYSTEM, "frozen")
SIGNATURE = {**SIGNED, "statement": "s", "content_sha256": "0" * 64}

# Name: (method, arguments, body, status for each of PERSONAS). Version 2 is live and version 1 stands by.
ADDRESSES: dict[str, tuple[str, tuple[str, ...], dict[str, Any], str]] = {
    "home": ("get", (), {}, "302 200 200 200 200 200"),
    "login": ("get", (), {}, "200 302 302 302 302 302"),
    "logout": ("post", (), {}, "302 302 302 302 302 302"),
    "healthz": ("get", (), {}, "503 503 503 503 503 503"),  # no sealer runs here
    "metrics": ("get", (), {}, "200 200 200 200 200 200"),
    "audit:decisions": ("get", (), {}, "302 200 200 200 200 404"),
    "audit:decision": ("get", ("decision",), {}, "302 200 200 200 200 404"),
    "audit:erasures": ("get", (), {}, "302 404 200 200 200 404"),
    "audit:request_erasure": ("get", (), {}, "302 404 200 200 404 404"),
    "audit:erasure": ("get", ("erasure",), {}, "302 404 200 200 200 404"),
    "audit:confirm_erasure": ("post", ("erasure",), {**WHY, "override": "Because."}, "302 404 302 403 403 404"),
    "audit:decline_erasure": ("post", ("erasure",), WHY, "302 404 302 403 403 404"),
    "audit:holds": ("get", (), {}, "302 404 200 404 200 404"),
    "audit:place_hold": ("get", (), {}, "302 404 200 404 404 404"),
    "audit:lift_hold": ("get", ("hold",), {}, "302 404 200 404 404 404"),
    "audit:retention": ("get", (), {}, "302 404 200 404 200 404"),
    "audit:set_retention": ("get", SYSTEM, {}, "302 404 200 404 404 404"),
    "audit:trail": ("get", (), {}, "302 404 200 404 200 404"),
    "audit:integrity": ("get", (), {}, "302 404 200 404 200 404"),
    "audit:verify": ("post", (), {}, "302 403 302 403 302 403"),
    "audit:exports": ("get", (), {}, "302 404 200 404 200 404"),
    "audit:export_download": ("get", ("export",), {}, "302 404 200 404 404 404"),
    "audit:searches": ("get", (), {}, "302 404 200 200 404 404"),
    "audit:search": ("get", ("search",), {}, "302 404 404 200 404 404"),
    "audit:cancel_job": ("post", ("search",), {}, "302 404 404 302 404 404"),
    "registry:systems": ("get", (), {}, "302 200 200 200 200 404"),
    "registry:system": ("get", SYSTEM, {}, "302 200 200 200 200 404"),
    "registry:new_version": ("get", SYSTEM, {}, "302 200 403 403 403 404"),
    "registry:version": ("get", VERSION, {}, "302 200 200 200 200 404"),
    "registry:move": ("post", (*VERSION, "name"), WHY, "302 302 403 403 403 404"),
    "registry:production": ("get", SYSTEM, {}, "302 200 200 200 200 404"),
    "registry:release": ("post", SYSTEM, RELEASE, "302 302 403 403 403 404"),
    "registry:timeline": ("get", SYSTEM, {}, "302 200 200 200 200 404"),
    "api:timeline": ("get", SYSTEM, {}, "401 200 200 200 200 404"),
    "registry:preview": ("get", SYSTEM, {}, "302 200 200 200 200 404"),
    "registry:affected": ("get", SYSTEM, {}, "302 200 200 200 200 404"),
    "registry:affected_csv": ("get", SYSTEM, {}, "302 200 200 200 200 404"),
    "registry:break_glass": ("post", SYSTEM, {**RELEASE, **SIGNED}, "302 409 403 403 403 404"),
    "registry:ratify": ("post", SYSTEM, {**SIGNED, "release": 2}, "302 409 409 403 403 404"),
    "registry:roll_back": ("post", SYSTEM, {**WHY, "expected_release": 2}, "302 302 403 403 403 404"),
    "registry:checklist": ("get", VERSION, {}, "302 302 302 302 302 404"),
    "registry:check": ("post", VERSION, {}, "302 302 302 403 403 404"),
    "api:checks": ("get", VERSION, {}, "401 200 200 200 200 404"),
    "registry:waive": ("post", (*VERSION, "gate"), WHY, "302 403 302 403 403 404"),
    "registry:compare": ("get", SYSTEM, {}, "302 200 200 200 200 404"),
    "registry:card": ("get", VERSION, {}, "302 200 200 200 200 404"),
    "registry:card_markdown": ("get", VERSION, {}, "302 200 200 200 200 404"),
    "registry:card_bom": ("get", VERSION, {}, "302 200 200 200 200 404"),
    "api:model-card": ("get", VERSION, {}, "401 200 200 200 200 404"),
    "api:model-bom": ("get", VERSION, {}, "401 200 200 200 200 404"),
    "api:gate-policies": ("get", ("risk_class",), {}, "401 200 200 200 200 404"),
    "api:gate-policy": ("put", ("risk_class", "gate"), {**WHY, "level": "off"}, "401 403 200 403 403 404"),
    "api:gate-waive": ("post", (*VERSION, "gate"), WHY, "401 403 201 403 403 404"),
    "registry:policy": ("get", ("risk_class",), {}, "302 200 200 200 200 404"),
    "registry:gate_policy": ("get", ("risk_class", "gate"), {}, "302 404 200 404 404 404"),
    "registry:law": ("get", (), {}, "302 200 200 404 200 404"),
    "registry:law_of": ("get", ("day",), {}, "302 200 200 404 200 404"),
    "registry:law_difference": ("get", ("day", "day"), {}, "302 200 200 404 200 404"),
    "registry:dossiers_waiting": ("get", (), {}, "302 200 200 404 200 404"),
    "registry:dossier": ("get", SYSTEM, {}, "302 200 200 404 200 404"),
    "registry:point": ("get", (*SYSTEM, "item"), {}, "302 200 200 404 200 404"),
    "registry:write_point": ("post", (*SYSTEM, "item"), {**WRITING, "scope": "all"}, "302 302 302 404 403 404"),
    "registry:attach_document": ("post", (*SYSTEM, "item"), PAPER, "302 302 302 404 403 404"),
    "registry:withdraw_document": ("post", (*SYSTEM, "item", "paper"), WHY, "302 302 302 404 403 404"),
    "registry:document": ("get", (*SYSTEM, "paper"), {}, "302 302 302 404 302 404"),
    "api:dossier": ("get", SYSTEM, {}, "401 200 200 404 200 404"),
    "api:dossier-statement": ("put", (*SYSTEM, "item"), WRITING, "401 200 200 404 403 404"),
    "registry:approvers": ("get", SYSTEM, {}, "302 200 200 200 200 404"),
    "registry:set_rule": ("post", SYSTEM, {**WHY, **RULE}, "302 403 302 403 403 404"),
    "registry:name_approver": ("post", SYSTEM, {"username": "second_lead"}, "302 403 302 403 403 404"),
    "registry:remove_approver": ("post", SYSTEM, {"username": "lead"}, "302 403 302 403 403 404"),
    "registry:organisation": ("get", (), {}, "302 200 200 200 200 404"),
    "registry:classification": ("get", SYSTEM, {}, "302 200 200 200 200 404"),
    "registry:classify": ("get", SYSTEM, {}, "302 404 200 404 404 404"),
    "registry:registration": ("get", SYSTEM, {}, "302 200 200 200 200 404"),
    "registry:registration_file": ("get", (*SYSTEM, "form"), {}, "302 200 200 200 200 404"),
    "registry:papers": ("get", SYSTEM, {}, "302 200 200 404 200 404"),
    "registry:paper_pdf": ("get", SYSTEM, {}, "302 200 200 404 200 404"),
    "registry:paper_md": ("get", SYSTEM, {}, "302 200 200 404 200 404"),
    "registry:paper_json": ("get", SYSTEM, {}, "302 200 200 404 200 404"),
    "api:paper-pdf": ("get", SYSTEM, {}, "401 200 200 404 200 404"),
    "api:paper-text": ("get", SYSTEM, {}, "401 200 200 404 200 404"),
    "api:paper-content": ("get", SYSTEM, {}, "401 200 200 404 200 404"),
    "registry:dossiers": ("get", SYSTEM, {}, "302 200 200 404 200 404"),
    "registry:freeze_dossier": ("get", SYSTEM, {}, "302 404 200 404 404 404"),
    "registry:frozen_dossier": ("get", FROZEN, {}, "302 200 200 404 200 404"),
    "registry:sign_dossier": ("post", FROZEN, SIGNATURE, "302 409 409 404 403 404"),
    "registry:decline_dossier": ("post", FROZEN, WHY, "302 302 302 404 403 404"),
    "registry:withdraw_dossier": ("post", FROZEN, WHY, "302 403 302 404 403 404"),
    "registry:frozen_content": ("get", FROZEN, {}, "302 200 200 404 200 404"),
    "registry:frozen_pdf": ("get", FROZEN, {}, "302 200 200 404 200 404"),
    "registry:compare_dossiers": ("get", (*FROZEN, "frozen"), {}, "302 200 200 404 200 404"),
    "api:frozen-dossiers": ("get", SYSTEM, {}, "401 200 200 404 200 404"),
    "api:frozen-dossier": ("get", FROZEN, {}, "401 200 200 404 200 404"),
    "registry:incidents": ("get", (), {}, "302 200 200 200 200 404"),
    "registry:open_incident": ("get", (), {}, "302 200 200 200 404 404"),
    # The case was opened by the compliance officer: support sees its own alone.
    "registry:incident": ("get", INCIDENT, {}, "302 200 200 404 200 404"),
    "registry:assess_incident": ("get", INCIDENT, {}, "302 403 200 404 403 404"),
    "registry:add_incident_file": ("post", INCIDENT, {}, "302 403 422 404 403 404"),
    "registry:incident_file": ("get", (*INCIDENT, "incident_file"), {}, "302 200 200 404 200 404"),
    "registry:release_incident_hold": ("post", INCIDENT, WHY, "302 403 409 404 403 404"),
    "registry:link_incident": ("post", INCIDENT, {"what": "dispute", "value": "3"}, "302 403 302 404 403 404"),
    "registry:keep_incident_message": ("post", INCIDENT, {}, "302 403 422 404 403 404"),
    "registry:add_incident_note": ("post", INCIDENT, {"words": "w"}, "302 403 302 404 403 404"),
    "registry:incident_report": ("get", INCIDENT, {}, "302 403 200 404 403 404"),
    "registry:incident_report_pdf": ("get", (*INCIDENT, "report"), {}, "302 200 200 404 200 404"),
    "registry:send_incident_report": ("post", INCIDENT, {}, "302 403 422 404 403 404"),
    "registry:hold_incident_version": ("post", INCIDENT, {}, "302 403 422 404 403 404"),
    "registry:incident_move": ("post", (*INCIDENT, "ending"), WHY, "302 403 302 404 403 404"),
    "api:incidents": ("get", (), {}, "401 200 200 200 200 200"),
    "api:incident": ("get", INCIDENT, {}, "401 200 200 404 200 404"),
    "registry:risks": ("get", SYSTEM, {}, "302 200 200 404 200 404"),
    "registry:record_risk": ("get", SYSTEM, {}, "302 200 200 404 403 404"),
    "registry:risk": ("get", (*SYSTEM, "risk"), {}, "302 200 200 404 200 404"),
    "registry:revise_risk": ("get", (*SYSTEM, "risk"), {}, "302 200 200 404 403 404"),
    "registry:accept_risk": ("post", (*SYSTEM, "risk"), {**WHY, "expected_number": 1}, "302 403 302 404 403 404"),
    "registry:accept_risks": ("post", SYSTEM, {}, "302 403 422 404 403 404"),
    "registry:trusted_sources": ("get", SYSTEM, {}, "302 200 200 200 200 404"),
    "registry:remove_source": ("post", (*SYSTEM, "source"), WHY, "302 403 302 403 403 404"),
    # What is no multipart is not read at all.
    "api:feature-parity": ("post", VERSION, {}, "401 415 403 403 403 404"),
    "api:trusted-sources": ("get", SYSTEM, {}, "401 200 200 200 200 404"),
    "api:remove-source": ("post", (*SYSTEM, "source"), WHY, "401 403 200 403 403 404"),
    "explain:explain_decision": ("post", ("decision",), WHY, "302 403 302 302 403 404"),
    "explain:panel": ("get", ("decision",), {}, "302 404 200 200 404 404"),
    "explain:open_dispute": ("get", ("decision",), {}, "302 404 404 200 404 404"),
    "explain:explanation": ("get", ("explanation",), {}, "302 404 200 200 404 404"),
    "explain:progress": ("get", ("explanation",), {}, "302 404 200 200 404 404"),
    "explain:try_values": ("get", ("explanation",), {}, "302 404 409 409 404 404"),
    "explain:disputes": ("get", (), {}, "302 404 200 200 404 404"),
    "explain:dispute": ("get", ("dispute",), {}, "302 404 200 200 404 404"),
    "explain:explain_dispute": ("post", ("dispute",), {}, "302 404 302 302 404 404"),
    "explain:explain_selected": ("post", (), {}, "302 404 302 302 404 404"),
    "explain:explaining_selected": ("get", (), {}, "302 404 200 200 404 404"),
    "explain:dispute_policy": ("get", SYSTEM, {}, "302 404 200 200 404 404"),
    "explain:assign_dispute": ("post", ("dispute",), {}, "302 404 302 302 404 404"),
    "explain:close_dispute": ("post", ("dispute",), {}, "302 404 409 409 404 404"),
    "explain:extend_dispute": ("post", ("dispute",), {**WHY, "due_at": "2999-01-01"}, "302 404 422 422 404 404"),
    "explain:add_file": ("post", ("dispute",), {}, "302 404 422 422 404 404"),
    "explain:file": ("get", ("dispute", "file"), {}, "302 404 200 200 404 404"),
    "explain:check_identity": ("post", ("dispute",), {"how": "signed in"}, "302 404 302 302 404 404"),
    "explain:add_note": ("post", ("dispute",), {"words": "w"}, "302 404 302 302 404 404"),
    "explain:reopen_dispute": ("post", ("dispute",), WHY, "302 404 409 409 404 404"),
    "explain:withdraw_dispute": ("post", ("dispute",), WHY, "302 404 302 302 404 404"),
    "explain:review": ("get", ("dispute",), {}, "302 404 200 302 404 404"),
    "explain:start_review": ("post", ("dispute",), {}, "302 404 409 403 404 404"),
    "explain:write_first_view": ("post", ("dispute",), {"words": "w"}, "302 404 409 403 404 404"),
    "explain:correct_inputs": ("post", ("dispute",), {}, "302 404 422 403 404 404"),
    "explain:correction": ("get", ("dispute", "correction"), {}, "302 404 200 200 404 404"),
    "explain:decide_dispute": ("post", ("dispute",), RULING, "302 404 302 403 404 404"),
    "explain:compose_letter": ("get", ("dispute",), {}, "302 404 302 302 404 404"),
    "explain:letter": ("get", ("answered", "letter"), {}, "302 404 200 200 404 404"),
    "explain:letter_pdf": ("get", ("answered", "letter"), {}, "302 404 200 200 404 404"),
    "explain:letter_templates": ("get", (), {}, "302 404 200 404 404 404"),
    "explain:letter_template": ("get", LETTERS, {}, "302 404 200 404 404 404"),
    "explain:wording": ("get", SYSTEM, {}, "302 404 200 404 404 404"),
    "explain:set_wording": ("post", (*SYSTEM, "language", "feature"), {"title": "t"}, "302 404 302 404 404 404"),
    "api:dispute-answer": ("post", ("dispute",), ANSWER, "401 404 409 409 404 404"),
    "api:schema": ("get", (), {}, "401 200 200 200 200 200"),
    "api:docs": ("get", (), {}, "302 200 200 200 200 200"),
    "api:decisions": ("get", (), {}, "401 200 200 200 200 200"),
    "audit:completeness": ("get", (), {}, "302 404 200 404 200 404"),
    "audit:completeness_line": ("get", (), {}, "302 404 200 404 200 404"),
    "audit:intake": ("get", (), {}, "302 404 200 404 200 404"),
    "api:completeness": ("get", (), {}, "401 403 200 403 200 403"),
    "api:cloudevents": ("post", (), {}, "401 403 403 403 403 403"),
    "api:decision": ("get", ("decision",), {}, "401 200 200 200 200 404"),
    "api:decision-entry": ("get", ("decision",), {}, "401 200 200 200 200 404"),
    "api:decision-proof": ("get", ("decision",), {}, "401 404 404 404 404 404"),
    "api:act-proof": ("get", ("decision",), {}, "401 404 404 404 404 404"),
    "api:exports": ("post", (), EXPORT, "401 403 202 403 202 403"),
    "api:export": ("get", ("export",), {}, "401 404 200 404 404 404"),
    "api:export-download": ("get", ("export",), {}, "401 404 200 404 404 404"),
    "log:checkpoint": ("get", (), {}, "401 404 404 404 404 404"),
    "log:vkeys": ("get", (), {}, "401 404 200 404 200 404"),
    "log:tile": ("get", ("tile",), {}, "401 404 404 404 404 404"),
    "api:decision-explanations": ("post", ("decision",), WHY, "401 403 202 202 403 404"),
    "api:explanation": ("get", ("explanation",), {}, "401 404 200 200 404 404"),
    "api:explanation-pdf": ("get", ("explanation",), {}, "401 404 409 409 404 404"),
    "api:disputes": ("get", (), {}, "401 200 200 200 200 200"),
    "api:dispute": ("get", ("dispute",), {}, "401 404 200 200 404 404"),
    "api:dispute-assign": ("post", ("dispute",), {"owner": ""}, "401 404 200 200 404 404"),
    "api:dispute-close": ("post", ("dispute",), {}, "401 404 409 409 404 404"),
    "api:dispute-correction": ("get", ("dispute", "correction"), {}, "401 404 200 200 404 404"),
    "api:dispute-corrections": ("post", ("dispute",), {"inputs": {"pirat": 0.3}}, "401 404 202 403 404 404"),
    "api:dispute-decide": ("post", ("dispute",), RULING, "401 404 200 403 404 404"),
    "api:dispute-extend": ("post", ("dispute",), {**WHY, "due_at": "2999-01-01T00:00Z"}, "401 404 422 422 404 404"),
    "api:dispute-file": ("get", ("dispute", "file"), {}, "401 404 200 200 404 404"),
    "api:dispute-files": ("get", ("dispute",), {}, "401 404 200 200 404 404"),
    "api:dispute-first-view": ("post", ("dispute",), {"words": "w"}, "401 404 409 403 404 404"),
    "api:dispute-identity": ("post", ("dispute",), {"how": "signed in"}, "401 404 200 200 404 404"),
    "api:dispute-notes": ("post", ("dispute",), {"words": "w"}, "401 404 200 200 404 404"),
    "api:dispute-reopen": ("post", ("dispute",), WHY, "401 404 409 409 404 404"),
    "api:dispute-review": ("post", ("dispute",), {}, "401 404 409 403 404 404"),
    "api:dispute-withdraw": ("post", ("dispute",), WHY, "401 404 200 200 404 404"),
    "api:systems": ("get", (), {}, "401 200 200 200 200 200"),
    "api:system": ("get", SYSTEM, {}, "401 200 200 200 200 404"),
    "api:versions": ("get", SYSTEM, {}, "401 200 200 200 200 404"),
    "api:version": ("get", VERSION, {}, "401 200 200 200 200 404"),
    "api:evidence": ("post", VERSION, EVIDENCE, "401 201 403 403 403 404"),
    "api:version-submit": ("post", VERSION, WHY, "401 409 403 403 403 404"),
    "api:version-approve": ("post", VERSION, SIGNED, "401 403 409 403 403 404"),
    "api:version-reject": ("post", VERSION, WHY, "401 403 409 403 403 404"),
    "api:version-withdraw": ("post", VERSION, WHY, "401 403 409 403 403 404"),
    "api:version-reinstate": ("post", VERSION, WHY, "401 409 409 403 403 404"),
    "api:version-retire": ("post", VERSION, WHY, "401 200 403 403 403 404"),
    "api:releases": ("post", SYSTEM, RELEASE, "401 201 403 403 403 404"),
    "api:release-ratify": ("post", (*SYSTEM, "release"), SIGNED, "401 409 409 403 403 404"),
    "api:rollback": ("post", SYSTEM, WHY, "401 200 403 403 403 404"),
    "api:rollback-preview": ("get", SYSTEM, {}, "401 200 200 200 200 404"),
    "api:production": ("get", SYSTEM, {}, "401 200 200 200 200 404"),
}


@pytest.fixture(scope="module")
def things(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    """One of each thing that an address may name, made once: what a request does to them is undone."""
    with django_db_blocker.unblock(), undone():
        yield one_of_each()


def one_of_each() -> dict[str, Any]:
    """Arguments of addresses by name."""
    factories.released(1)
    system = factories.released(2).system
    officer, now = factories.person("compliance").actor, timezone.now()
    approving.name_approver(actor=officer, system=system, username="lead", now=now)
    decision = factories.decided(2)
    support, now = factories.person("support").actor, timezone.now()
    dispute = disputing.open_dispute(
        actor=support, decision=decision, channel="phone", claim="I pay on time.", received_at=now, now=now
    )
    explanation = disputing.explain_dispute(actor=support, dispute=dispute, decision=decision, now=now)
    reviewing.start_review(actor=officer, dispute=dispute, now=now)
    correction = reviewing.correct_inputs(
        actor=officer, dispute=dispute, decision=decision, changes={"pirat": 0.2}, now=now
    )
    factories.decided(2, subject="applicant-18")
    about = {"system": "mortgage", "reason": "Because.", "now": now}
    erasure = erasing.request_erasure(actor=support, subject="applicant-18", **about)
    hold = erasing.place_hold(actor=factories.person("compliance").actor, subject="applicant-17", **about)
    export, search = exporting.export(by="compliance"), exporting.search(by="support")
    exporting.finish(exporting.claimed(export))
    jobs = {"export": export.id, "search": search.id, "release": 2}
    cases = {"erasure": erasure.id, "hold": hold.id}
    named = {**jobs, **cases, "decision": decision.id, "explanation": explanation.id, "dispute": dispute.number}
    named["correction"] = correction.id
    named["source"] = ci_tokens.trust().id
    paper = {"item": "annex-iv.1.g", "key": PAPER["key"], "title": PAPER["title"], "url": PAPER["url"], "now": now}
    named["paper"] = dossier.attach_document(actor=officer, system=system, **paper).pk
    named |= {"item": paper["item"], "day": "2026-07-27"}
    about = {"dispute": dispute, "now": now}
    named["file"] = disputing.attach_file(actor=support, name="a.txt", content=b"plain words", **about).id
    named |= {**WORDS, **answered_case(support, officer), **incident(officer)}
    named["risk"] = risks.record_risk(actor=factories.person("lead").actor, system=system, **RISK, now=now).number
    named["frozen"] = freezing.freeze(number=2).number
    return {**named, "tile": "0/000", "slug": "mortgage", "number": 1, "name": "retire", **REGISTRY}


def answered_case(support: Any, officer: Any) -> dict[str, Any]:
    """A case about a refused request, whose letter was sent."""
    now, decision = timezone.now(), factories.refused()
    said = {"channel": "phone", "claim": "c", "received_at": now, "identity": "signed in", "now": now}
    case = disputing.open_dispute(actor=support, decision=decision, **said)
    policy = {"policy": {"sender": "The Bank"}, "reason": "Because."}
    disputing.set_policy(actor=officer, system="mortgage", now=now, **policy)
    reviewing.start_review(actor=officer, dispute=case, now=now)
    reviewing.decide_dispute(actor=officer, dispute=case, decision=decision, now=now, **RULING)
    letter = letters.send_letter(actor=support, dispute=case, decision=decision, now=now, **ANSWER)
    return {"answered": case.number, "letter": letter.id}


def incident(officer: Any) -> dict[str, Any]:
    """A case about a system of its own, so that nothing else is held, with a file and a report."""
    facts = {"actor": officer, "now": timezone.now()}
    other = factories.make_system(factories.person("lead").actor, "held")
    judged = Judged(kind="rights", role="provider", aware_at=facts["now"])
    case = incidents.open_incident(system=other, versions=[], description="Denied.", judged=judged, **facts)
    file = incidents.add_file(incident=case, name="a.txt", content=b"plain words", **facts)
    report = reporting.save_report(incident=case, stage="initial", sections={"happened": "Denied."}, **facts)
    named = {"incident": case.number, "incident_file": file.id, "report": report.number}
    return {**named, "ending": "find_not_serious"}


def test_every_address_has_a_row() -> None:
    assert set(ADDRESSES) == url_names()


@pytest.mark.parametrize("name", ADDRESSES)
def test_each_person_is_answered_as_the_table_says(name: str, things: dict[str, Any]) -> None:
    method, arguments, body, expected = ADDRESSES[name]
    path = reverse(name, args=[things[argument] for argument in arguments])
    seen = [answer_to(persona, method, path, body, is_api=name.startswith("api:")) for persona in PERSONAS]
    assert dict(zip(PERSONAS, seen, strict=True)) == dict(
        zip(PERSONAS, map(int, expected.split()), strict=True)
    )


def answer_to(persona: str, method: str, path: str, body: dict[str, Any], *, is_api: bool) -> int:
    """The status; what the request did is undone."""
    browser = Client()
    with undone():
        if persona != "anonymous":
            browser.force_login(factories.person(persona))
        if method == "get":
            answer = browser.get(path)
        elif is_api:
            answer = getattr(browser, method)(path, json.dumps(body), content_type="application/json")
        else:
            answer = browser.post(path, body)
        if answer.streaming:
            answer.getvalue()  # a download holds its file open
    return answer.status_code


@pytest.mark.parametrize("name", sorted(name for name, row in ADDRESSES.items() if row[0] == "post"))
def test_what_changes_something_is_never_a_get(name: str, things: dict[str, Any]) -> None:
    browser = Client()
    browser.force_login(factories.person("lead"))
    path = reverse(name, args=[things[argument] for argument in ADDRESSES[name][1]])
    assert browser.get(path).status_code == 405
