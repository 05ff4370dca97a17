"""The demo's story, told through the product's own doors; told again, it goes on where it stopped.

Lena and Lars build three versions and approve each other's. Each takes production in turn while applicants are
decided; the third denies too few to be believed and is rolled back, which is looked into as a possible incident.
Two applicants then dispute their denial.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

import registry.approving.services as approving
import registry.checking.services as checking
import registry.releasing.services as releasing
import registry.services as registry
from audit.models import Entry
from portal.accounts.access import Actor, Scope, actor_for_process
from portal.accounts.models import ServiceToken, User
from portal.demo import training
from portal.demo.callers import LoanDesk
from portal.demo.complaints import NotExplained, complain
from portal.demo.dangers import look_into_version_3, write_risks
from portal.demo.frozen import have_it_signed
from portal.demo.governing import govern
from portal.demo.people import PASSWORD, PEOPLE
from portal.demo.statements import EARLY, LATE, sign
from portal.desks.services import employ, issue_token
from portal.vault import secrets_dir
from registry.checking.queries import open_run, unsatisfied
from registry.intake import Upload
from registry.models import System, Version

SYSTEM = "mortgage"
PURPOSE = (
    "Decides whether a mortgage application is granted, from what the applicant states and from the credit register. "
    "A denial can be disputed; a person looks at it again."
)


# By number: how it is trained, what it is, who builds it.
BUILDS = {
    1: (training.train_logistic, "logistic regression", "lena"),
    2: (training.train_boosting, "gradient boosted trees", "lena"),
    3: (training.train_forest, "random forest", "lars"),
}
NOTES = {
    1: "The first one, so there is nothing to compare it with.",
    2: "It ranks better than version 1.",
    3: "It is more cautious about denials; please look at the output distribution.",
}
# What the officer lets pass, by version and gate, and why; a gate that is not named here must pass by itself.
WAIVERS: dict[tuple[int, str], str] = {
    **{
        (number, "commit"): (
            "The demo trains its models itself, and this copy of its code stands in no repository. Outside the demo I "
            "would not sign for a model whose origin nobody can name."
        )
        for number in BUILDS
    },
    (2, "distribution"): (
        "The boosted trees spread their scores more widely than the regression did. The share that is denied hardly "
        "changes and the ranking is no worse, so it may go live; we look again after 300 decisions."
    ),
}


class StoryFailed(RuntimeError):
    """The story could not be told to its end; the message says where it stopped."""


@dataclass(frozen=True)
class Chapter:
    """One release and the applicants that are decided while it is in force."""

    release: int
    version: int
    by: str
    reason: str
    applicants: int


CHAPTERS = (
    Chapter(1, 1, "lena", "First model in production; it replaces the paper rules.", 250),
    Chapter(2, 2, "lena", "Boosted trees rank applicants better on the held-out sample.", 300),
    Chapter(3, 3, "lars", "Random forest, to be compared with the boosted trees in production.", 200),
    Chapter(4, 2, "lena", "", 350),
)


def tell(say: Callable[[str], None]) -> None:
    """Tell the whole story, or what is left of it."""
    _employ_people()
    system = _open_system()
    govern(system, _actor("clara"), say)
    applicants = training.Applicants()
    desk = LoanDesk(settings.GATEWAY_URL, _desk_token(secrets_dir(settings.VAR_DIR) / "demo-token"), SYSTEM)
    first = 1
    for chapter in CHAPTERS:
        _prepare(chapter.version, system, applicants, say)
        _play(chapter, system, desk, applicants.held_out[first - 1 : first - 1 + chapter.applicants], first, say)
        first += chapter.applicants
        if chapter.release == 1:
            sign(EARLY, system, say)
            have_it_signed(system, say)
    write_risks(system, say)
    look_into_version_3(system, applicants, say)
    try:
        complain(SYSTEM, _actor("sam"), _actor("clara"), applicants, say)
    except NotExplained as error:
        raise StoryFailed(str(error)) from error
    sign(LATE, system, say)


def _actor(username: str) -> Actor:
    return User.objects.get(username=username).actor


def _employ_people() -> None:
    for person in PEOPLE:
        if not User.objects.filter(username=person.username).exists():
            facts = {"username": person.username, "name": person.name, "roles": [person.role]}
            employ(actor=actor_for_process("demo"), password=PASSWORD, **facts)


def _open_system() -> System:
    found = System.objects.filter(slug=SYSTEM).first()
    return found or registry.create_system(
        actor=_actor("lena"),
        slug=SYSTEM,
        name="Mortgage",
        purpose=PURPOSE,
        owner="Lending department",
        risk_class="high",
        annex_iii_point="5(b)",
        now=timezone.now(),
    )


def _prepare(number: int, system: System, applicants: training.Applicants, say: Callable[[str], None]) -> None:
    """The version, registered, checked, submitted and approved, as far as it is not yet."""
    train, words, builder = BUILDS[number]
    version = Version.objects.filter(system=system, number=number).first()
    if version is None:
        say(f"training version {number}, a {words}, on {training.TRAINING_ROWS:,} applications")
        version = _register(system, train(applicants), builder)
    _wait_for_checks(version)
    if version.state == "draft":
        note = f"Version {number}: {words}; its ROC AUC is in the manifest. {NOTES[number]}"
        asked = {"version": version, "reason": note, "now": timezone.now()}
        version = approving.submit_version(actor=_actor(builder), **asked)
    if version.state == "submitted":
        _approve(version, say)


def _approve(version: Version, say: Callable[[str], None]) -> None:
    """Clara lets pass what fails and why it may, and signs: the system is high-risk, so it takes her."""
    clara = _actor("clara")
    waived = unsatisfied(version)
    for gate in waived:
        reason = WAIVERS.get((version.number, gate.kind))
        if reason is None:
            found = gate.decisive.summary if gate.decisive else "nothing was found out"
            raise StoryFailed(f"Version {version.number} does not pass “{gate.title}”: {found}.")
        say(f"  waived for version {version.number}: {gate.title}")
        checking.waive_gate(actor=clara, version=version, gate=gate.kind, reason=reason, now=timezone.now())
    reason = "I read the evidence, and I stand for what I waived." if waived else "I read the evidence; it holds."
    approving.approve_version(actor=clara, version=version, reason=reason, now=timezone.now())


def _wait_for_checks(version: Version, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while open_run(version):
        if time.monotonic() > deadline:
            raise StoryFailed(f"The checks of version {version.number} are not finished after {seconds:.0f} s.")
        time.sleep(0.2)


def _register(system: System, trained: training.Trained, builder: str) -> Version:
    names = ("artifact", "background", "evaluation", "golden")
    parts: dict[str, Any] = {name: io.BytesIO(getattr(trained, name)) for name in names}
    upload = Upload(trained.manifest, **parts)
    return registry.register_version(actor=_actor(builder), system=system, upload=upload, now=timezone.now())


def _desk_token(file: Path) -> str:
    """The loan desk's token; it is shown once, so the demo keeps it for the case that the story is interrupted."""
    if file.exists():
        return file.read_text()
    number = ServiceToken.objects.filter(name__startswith="loan-desk").count() + 1
    token = issue_token(
        name=f"loan-desk-{number}", scopes=[Scope.DECIDE.value], actor=_actor("lena"), now=timezone.now()
    )
    file.touch(mode=0o600)
    file.write_text(token)
    return token


def _play(
    chapter: Chapter, system: System, desk: LoanDesk, inputs: list, first: int, say: Callable[[str], None]
) -> None:
    """Make the chapter's release unless it was made, and have its applicants decided while it is in force."""
    newest = system.releases.order_by("-number").values_list("number", flat=True).first() or 0
    if newest > chapter.release:
        return
    if newest < chapter.release:
        _release(chapter, system)
    if _decided(chapter) >= chapter.applicants:
        return
    desk.wait_for_release(chapter.release)
    words = f"version {chapter.version} in production: deciding {chapter.applicants} held-out applicants"
    say(words)
    answers = desk.send(first, inputs, lambda done: None)
    denied = sum(answer["output"]["label"] == training.ADVERSE for answer in answers)
    say(f"  {denied} of {len(answers)} denied ({denied / len(answers):.1%})")


def _release(chapter: Chapter, system: System) -> None:
    actor, now = _actor(chapter.by), timezone.now()
    if chapter.release == len(CHAPTERS):
        releasing.roll_back(
            actor=actor, system=system, reason=_rollback_reason(), expected_release=chapter.release - 1, now=now
        )
        return
    releasing.create_release(
        actor=actor,
        system=system,
        version=Version.objects.get(system=system, number=chapter.version),
        strategy="direct",
        reason=chapter.reason,
        expected_release=chapter.release - 1,
        now=now,
    )


def _rollback_reason() -> str:
    """What was measured, in words: the shares that the two versions denied."""
    third, second = _share_denied(3), _share_denied(2)
    measured = f"Version 3 denied {third:.1%} of applicants where version 2 denied {second:.1%}"
    return f"{measured}; back until it is understood."


def _share_denied(release: int) -> float:
    answered = Entry.objects.filter(type="decision", system=SYSTEM, release=release, status="answered")
    return answered.filter(label=training.ADVERSE).count() / max(1, answered.count())


def _decided(chapter: Chapter) -> int:
    return Entry.objects.filter(type="decision", system=SYSTEM, release=chapter.release, status="answered").count()
