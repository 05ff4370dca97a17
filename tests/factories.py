"""What the tests act on, made through the product's own services: people, tokens, versions, decisions."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

import audit.services as trail
import registry.approving.services as approving
import registry.checking.services as checking
import registry.classification.services as classifying
import registry.releasing.services as releasing
import registry.services as registry
from audit.identifiers import new_id
from audit.keys import keyring
from audit.models import Entry
from audit.records import DecisionFacts, Mode, Status, decision_draft
from portal.accounts.access import Actor, Role, Scope
from portal.accounts.models import User
from portal.accounts.services import create_person, issue_token
from portal.demo import training
from registry.checking.queries import unsatisfied
from registry.intake import Upload
from registry.models import Organisation, Release, System, SystemClassification, Version
from registry.practices import PRACTICES
from registry.scoring.frames import to_frame

SYSTEM = "mortgage"
PASSWORD = "correct horse battery staple"
PEOPLE: dict[str, list[Role]] = {
    "lead": [Role.ML_LEAD],
    "second_lead": [Role.ML_LEAD],
    "compliance": [Role.COMPLIANCE],
    "support": [Role.SUPPORT],
    "auditor": [Role.AUDITOR],
    "outsider": [],
}
# A denial and a grant by every model of the demo.
DENIED: dict[str, Any] = {
    **{"pirat": 0.62, "hirat": 0.5, "lvrat": 1.2, "chist": 6, "mhist": 3, "phist": "yes", "unemp": 10.6},
    **{"selfemp": "yes", "insurance": "yes", "condomin": "no", "single": "yes", "hschool": "no"},
}
GRANTED: dict[str, Any] = {
    **{"pirat": 0.22, "hirat": 0.2, "lvrat": 0.5, "chist": 1, "mhist": 1, "phist": "no", "unemp": 3.1},
    **{"selfemp": "no", "insurance": "no", "condomin": "no", "single": "no", "hschool": "yes"},
}
_numbers = itertools.count(1)


@cache
def applicants() -> training.Applicants:
    """The demo's real applications, read once."""
    return training.Applicants()


@cache
def trained_logistic() -> training.Trained:
    """A logistic regression as CI would send it (skops)."""
    return training.train_logistic(applicants())


@cache
def trained_boosting() -> training.Trained:
    """Boosted trees as CI would send them (XGBoost)."""
    return training.train_boosting(applicants())


def upload_of(trained: training.Trained, **changes: bytes) -> Upload:
    """The parts of a new version; `changes` replace some."""
    parts = {name: changes.get(name, getattr(trained, name)) for name in ("artifact", "background", "evaluation")}
    files = {name: io.BytesIO(data) for name, data in parts.items()}
    return Upload(manifest=changes.get("manifest", trained.manifest), **files)


def seed() -> None:
    """What every test may count on: the people, and a system with two draft versions. Examining them takes seconds."""
    for username, roles in PEOPLE.items():
        create_person(username=username, name=f"{username.title()} Tester", password=PASSWORD, roles=roles)
    actor = person("lead").actor
    system = make_system(actor)
    for trained in (trained_logistic(), trained_boosting()):
        registry.register_version(actor=actor, system=system, upload=upload_of(trained), now=timezone.now())


def person(username: str) -> User:
    """One of the seeded people."""
    return User.objects.get(username=username)


def make_system(actor: Actor, slug: str = SYSTEM) -> System:
    """A high-risk system."""
    return registry.create_system(
        actor=actor,
        slug=slug,
        name=slug.title(),
        purpose="Decides whether a mortgage is granted.",
        owner="Lending",
        risk_class="high",
        annex_iii_point="5(b)",
        now=timezone.now(),
    )


ANSWERS: dict[str, Any] = {
    **{"role": "both", "takeover": None, "annex_iii_point": "5(b)", "product_law": "", "profiles": True},
    **{"exit_condition": None, "exit_assessment": "", "first_used_on": None, "redesigned_on": None},
    "circumstances": ["decides", "personal_data"],
    "practices": {letter: {"found": False, "note": ""} for letter in PRACTICES},
}


def classified(*, expected_revision: int = 0, accepted: str = "", **changes: Any) -> SystemClassification:
    """The seeded system, classified as a lender's is, with these changes."""
    return classifying.classify_system(
        actor=person("compliance").actor,
        system=System.objects.get(slug=SYSTEM),
        answers={**ANSWERS, **changes},
        expected_revision=expected_revision,
        accepted_risk_class=accepted,
        reason="Looked at with the lawyers.",
        now=timezone.now(),
    )


def described(*, expected_revision: int = 0, **changes: Any) -> Organisation:
    """The organisation, a bank, with these changes."""
    facts = {
        **{"name": "The Bank", "address": "Market Square 1", "email": "ai@bank.example", "phone": ""},
        **{"identifier": "L1", "representative": "", "member_states": ["DE"], "size": "large"},
        **{"is_financial_institution": True, "is_public_body": False, **changes},
    }
    asked = {"expected_revision": expected_revision, "reason": "Who we are.", "now": timezone.now()}
    return classifying.describe_organisation(actor=person("compliance").actor, facts=facts, **asked)


def make_token(*scopes: str | Scope, name: str = "") -> str:
    """A service token with these scopes."""
    wanted: Iterable[str] = [str(scope) for scope in scopes]
    label = name or f"service-{next(_numbers)}"
    return issue_token(name=label, scopes=wanted, actor=person("lead").actor, now=timezone.now())


def version(number: int) -> Version:
    """A seeded version as it stands."""
    return Version.objects.select_related("system").get(system__slug=SYSTEM, number=number)


def submitted(number: int, *, by: str = "lead") -> Version:
    """The seeded version, submitted."""
    asked = {"version": version(number), "reason": "Ready for a second look.", "now": timezone.now()}
    return approving.submit_version(actor=person(by).actor, **asked)


def cleared(found: Version) -> Version:
    """The version, with every gate that stands in its way waived."""
    for gate in unsatisfied(found):
        asked = {"version": found, "gate": gate.kind, "reason": "Not needed here.", "now": timezone.now()}
        checking.waive_gate(actor=person("compliance").actor, **asked)
    return found


def approved(number: int) -> Version:
    """The seeded version, approved by the compliance officer, as a high-risk system's must be."""
    waiting = cleared(submitted(number))
    actor = person("compliance").actor
    return approving.approve_version(actor=actor, version=waiting, reason="The gates hold.", now=timezone.now())


def released(number: int, *, expected_release: int | None = None) -> Release:
    """A release of the seeded version, approved before if it was a draft."""
    target = version(number)
    if target.state == "draft":
        target = approved(number)
    return releasing.create_release(
        actor=person("lead").actor,
        system=target.system,
        version=target,
        strategy="direct",
        reason=f"Version {number} goes live.",
        expected_release=expected_release,
        now=timezone.now(),
    )


def decided(number: int = 1, **changes: Any) -> Entry:
    """A decision as the gateway would have recorded it; the score is the model's own."""
    facts = {**_answered(number), **changes}
    identifier = facts.pop("id", None) or new_id()
    ring = keyring()
    draft = decision_draft(DecisionFacts(**facts), subject_key=settings.SUBJECT_KEY, keyring=ring, id=identifier)
    with transaction.atomic():
        trail.append([draft])
    return Entry.objects.get(pk=draft.id)


def decided_in_bulk(inputs: Iterable[dict[str, Any]], number: int = 1, **changes: Any) -> list[UUID]:
    """Decisions on many applicants, written at once; their ids in that order. The scores are the model's own."""
    rows, ring, common = list(inputs), keyring(), _answered(number)
    scores = _scorer(number).score(to_frame(rows, applicants().schema))
    drafts = []
    for row, score in zip(rows, map(float, scores), strict=True):
        output = {"label": "deny" if score >= 0.5 else "grant", "score": score, "threshold": 0.5}
        facts = DecisionFacts(**{**common, "inputs": row, "output": output, **changes})
        drafts.append(decision_draft(facts, subject_key=settings.SUBJECT_KEY, keyring=ring))
    with transaction.atomic():
        trail.append(drafts, in_bulk=True)
    return [draft.id for draft in drafts]


def make_month(moment: datetime) -> None:
    """Room in the trail for entries of that month."""
    with connection.cursor() as cursor:
        cursor.execute("select audit_make_partitions(0, %s)", [moment])


def refused(**changes: Any) -> Entry:
    """A request that was refused for its inputs."""
    facts = {"status": Status.REFUSED, "output": None, "inputs": None, "body": b'{"inputs": NaN}'}
    return decided(**{**facts, "error_code": "malformed", "version": None, **changes})


@cache
def _scorer(number: int) -> Any:
    from registry.scoring.formats import load
    from registry.scoring.manifest import Manifest

    trained = (trained_logistic, trained_boosting)[number - 1]()
    return load(trained.artifact, Manifest.parse(json.loads(trained.manifest)))


def _score(number: int, inputs: dict[str, Any]) -> float:
    return float(_scorer(number).score(to_frame([inputs], applicants().schema))[0])


def _answered(number: int) -> dict[str, Any]:
    score = _score(number, DENIED)
    label = "deny" if score >= 0.5 else "grant"
    return {
        "system": SYSTEM,
        "status": Status.ANSWERED,
        "mode": Mode.LIVE,
        "caller": "service:loan-desk",
        "latency_us": 1_900,
        "version": number,
        "release": 1,
        "artifact_sha256": version(number).artifact_sha256,
        "subject": "applicant-17",
        "inputs": DENIED,
        "output": {"label": label, "score": score, "threshold": 0.5},
        "request_id": f"request-{next(_numbers)}",
    }
