"""The whole dossier of a system and version as one JSON document: what is printed, frozen, signed and compared.

It holds sentences as msgid and values, so that it can be read in any language; times are RFC 3339 in UTC, days are
ISO 8601, addresses are relative to `origin`. The bytes are made once, and stored where a dossier is frozen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db.models import Q

import audit.proofs as log
from portal.templatetags.portal_tags import who
from registry.classification.duties import Applicability
from registry.classification.queries import answers_of, newest_of
from registry.dossier.evidence import Fact
from registry.dossier.queries import Dossier, Point
from registry.dossier.states import Standing
from registry.models import Document, Incident, Statement, StatementKind, System, Version
from registry.risks.queries import Line, controls_of, lines_of

SCHEMA = "countersign/dossier/1"


def content_of(dossier: Dossier) -> dict[str, Any]:
    """Everything that the dossier says, at the moment at which it was read."""
    documents = _documents(dossier.system)
    comments = _comments(dossier.system, dossier.version)
    return {
        "schema": SCHEMA,
        "made_at": _moment(dossier.now),
        "origin": settings.PORTAL_URL,
        "regulation": {
            "version": dossier.regulation.version,
            "title": dossier.regulation.title,
            "in_force_from": _day(dossier.regulation.in_force_from),
            "sha256": dossier.regulation.sha256,
            "groups": dossier.regulation.groups,
        },
        "system": _system(dossier.system),
        "version": _version(dossier.version) if dossier.version else None,
        "classification": _classification(dossier.system),
        "counts": {str(state): number for state, number in dossier.counts.items()},
        "items": [_item(point, documents, comments.get(point.item, [])) for point in dossier.points],
        "risks": [_risk(line) for line in lines_of(dossier.system, dossier.now.date())],
        "incidents": [_incident(case) for case in dossier.system.incidents.order_by("number")],
        "trail": _trail(),
    }


def bytes_of(content: Mapping[str, Any]) -> bytes:
    """The document as canonical UTF-8 JSON; hashed and stored as these bytes, never made again to compare."""
    said = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return said.encode()


def _system(system: System) -> dict[str, Any]:
    return {
        "slug": system.slug,
        "name": system.name,
        "purpose": system.purpose,
        "owner": system.owner,
        "risk_class": system.risk_class,
        "risk_class_words": system.get_risk_class_display(),
        "annex_iii_point": system.annex_iii_point,
    }


def _version(version: Version) -> dict[str, Any]:
    return {
        "number": version.number,
        "state": version.state,
        "format": version.artifact_format,
        "artifact_sha256": version.artifact_sha256,
        "background_sha256": version.background_sha256,
        "evaluation_sha256": version.evaluation_sha256,
        "registered_by": who(version.registered_by),
        "registered_at": _moment(version.registered_at),
    }


def _classification(system: System) -> dict[str, Any] | None:
    row = newest_of(system)
    if row is None:
        return None
    return {
        "revision": row.revision,
        "risk_class": row.risk_class,
        "role": row.role,
        "annex_iii_point": row.annex_iii_point,
        "exit": row.exit_condition,
        "first_used_on": _day(row.first_used_on),
        "reason": row.reason,
        "by": who(row.changed_by),
        "at": _moment(row.changed_at),
        "answers": [list(pair) for pair in answers_of(row).items()],
    }


def _item(
    point: Point, documents: Mapping[str, list[dict[str, Any]]], comments: list[dict[str, Any]]
) -> dict[str, Any]:
    asked = point.requirement
    return {
        "id": point.item,
        "ref": asked.ref,
        "title": asked.title,
        "asks": asked.asks,
        "group": asked.group,
        "written_by": asked.written_by,
        "mandatory": asked.mandatory,
        "condition": asked.condition,
        "note": asked.note,
        "applicability": _applicability(point.bound),
        "state": str(point.state),
        **_standing(point.standing),
        "facts": [_fact(fact) for fact in point.facts],
        "documents": [paper for key in asked.evidence_from for paper in documents.get(key, [])],
        "statement": _statement(point.statement) if point.statement else None,
        "comments": comments,
    }


def _applicability(bound: Applicability) -> dict[str, Any]:
    return {
        "applies": bound.applies,
        "reason": bound.reason,
        "applies_from": _day(bound.applies_from),
        "formal_from": _day(bound.formal_from),
        "basis": bound.basis,
        "bound_as": bound.bound_as,
    }


def _standing(standing: Standing) -> dict[str, Any]:
    return {
        # Why it is in its state: a msgid with its values; and what changed since it was signed.
        "why": {"words": standing.why.words, "values": dict(standing.why.values)},
        "shifts": [{"before": shift.before, "after": shift.after} for shift in standing.shifts],
    }


def _fact(fact: Fact) -> dict[str, Any]:
    return {
        "key": fact.key,
        "name": fact.name,
        "words": fact.words,
        "values": dict(fact.values),
        "as_of": _moment(fact.as_of),
        "source": fact.source,
        "url": fact.url,
        "digest": fact.digest,
    }


def _documents(system: System) -> dict[str, list[dict[str, Any]]]:
    """The papers of the system by key, the withdrawn ones too."""
    papers = Document.objects.filter(system=system).order_by("key", "id")
    return {key: [_document(paper) for paper in rows] for key, rows in groupby(papers, lambda row: row.key)}


def _document(paper: Document) -> dict[str, Any]:
    withdrawn = {
        "by": who(paper.withdrawn_by),
        "at": _moment(paper.withdrawn_at),
        "reason": paper.withdrawal_reason,
    }
    return {
        "key": paper.key,
        "title": paper.title,
        "file_name": paper.file_name,
        "sha256": paper.sha256,
        "bytes": paper.size,
        "url": paper.url,
        "by": who(paper.attached_by),
        "at": _moment(paper.attached_at),
        "withdrawn": withdrawn if paper.withdrawn_at else None,
    }


def _statement(statement: Statement) -> dict[str, Any]:
    """What a person signed; the text is Markdown in the language in which it was written."""
    return {
        "kind": statement.kind,
        "text": statement.text,
        "sha256": hashlib.sha256(statement.text.encode()).hexdigest(),
        "reason": statement.reason,
        "author": who(statement.author),
        "signed_at": _moment(statement.signed_at),
        "revision": statement.revision,
        "for_all_versions": statement.version_id is None,
    }


def _comments(system: System, version: Version | None) -> dict[str, list[dict[str, Any]]]:
    """Comments on the version or on all versions, by item, the oldest first."""
    rows = Statement.objects.filter(system=system, kind=StatementKind.COMMENT)
    ours = rows.filter(Q(version=None) | Q(version=version)).order_by("item", "id")
    return {item: [_statement(row) for row in said] for item, said in groupby(ours, lambda row: row.item)}


def _risk(line: Line) -> dict[str, Any]:
    """A risk as its newest revision has it; severity and likelihood are 1 to 5, before and with the controls."""
    revision, accepted = line.revision, line.acceptance
    return {
        "number": line.risk.number,
        "revision": revision.number,
        "title": revision.title,
        "source_words": revision.get_source_display(),
        "affected": revision.affected,
        "is_vulnerable": revision.is_vulnerable,
        "what": revision.harm,
        "before": {"severity": revision.severity, "likelihood": revision.likelihood},
        "controls": [
            {"kind_words": each["kind"], "text": each["words"], "evidence": each["evidence"], "url": each["url"]}
            for each in controls_of(revision)
        ],
        "residual": {"severity": revision.residual_severity, "likelihood": revision.residual_likelihood},
        "state_words": line.state,
        "written_by": who(revision.written_by),
        "accepted": {
            "by": who(accepted.accepted_by),
            "at": _moment(accepted.accepted_at),
            "reason": accepted.reason,
        }
        if accepted
        else None,
        "review_due_on": _day(revision.review_due),
    }


def _incident(case: Incident) -> dict[str, Any]:
    judged = case.assessments.all()[0]
    sent = case.filings.order_by("sent_at").first()
    return {
        "number": case.number,
        "state": case.state,
        "kind": judged.kind,
        "kind_words": judged.get_kind_display(),
        "aware_at": _moment(judged.aware_at),
        "due_at": _moment(case.due_at),
        "reported_at": _moment(sent.sent_at) if sent else None,
        "authority": sent.authority if sent else "",
    }


def _trail() -> dict[str, Any] | None:
    """The newest signed head of the log: what was on record when this was made."""
    head = log.newest_checkpoint()
    if head is None:
        return None
    signer = log.log_signer()
    return {
        "origin": signer.name,
        "key_id": signer.key_id.hex(),
        "size": head.size,
        "root": head.root_hex,
        "at": _moment(head.at),
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
