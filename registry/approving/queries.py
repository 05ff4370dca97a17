"""Who may approve what, what was asked for, and how far an approval has come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from portal.accounts.access import Actor, Permission
from portal.accounts.models import User
from registry import access, lifecycle
from registry.approving.signatures import ANY, missing_signatures, stricter
from registry.models import Approval, ApprovalRule, Approver, RiskClass, Submission, System, Version

# Where no rule was set: one second person; for a high-risk system a compliance officer (AI Act Art. 14 and 26(2) ask
# for oversight by people with the competence for it).
DEFAULT_NEEDED = {RiskClass.HIGH: {"compliance": 1}}


@dataclass(frozen=True)
class Progress:
    """How far a submission has come: the signatures that stand, and those that are missing, by role."""

    submission: Submission | None
    signatures: list[Approval]
    needed: dict[str, int]
    missing: dict[str, int]

    @property
    def is_complete(self) -> bool:
        """True when nobody has to sign any more."""
        return self.submission is not None and not self.missing


def needed_for(system: System) -> dict[str, int]:
    """How many approvers of which role the system's versions need now."""
    rule = rule_of(system)
    return dict(rule.needed) if rule else dict(DEFAULT_NEEDED.get(RiskClass(system.risk_class), {ANY: 1}))


def rule_of(system: System) -> ApprovalRule | None:
    """The rule in force that somebody set."""
    return system.approval_rules.first()


def approvers_of(system: System) -> list[Approver]:
    """The people named as approvers; while there are some, nobody else may approve."""
    return list(system.approvers.filter(removed_at=None))


def is_approver(actor: Actor, system: System) -> bool:
    """Whether the system lets this actor approve: they are named, or nobody is."""
    named = {approver.person for approver in approvers_of(system)}
    return not named or actor.label in named


def people_who_could_approve() -> list[User]:
    """Those whose roles allow them to approve at all."""
    people = User.objects.filter(is_active=True).order_by("username").prefetch_related("groups")
    return [person for person in people if person.actor.may(Permission.VERSION_APPROVE)]


def progress_of(version: Version) -> Progress:
    """How far the version's newest submission has come. A signature stands for the artifact that it names, until
    anybody takes an approval back."""
    submission = version.submissions.first()
    if submission is None:
        return Progress(None, [], {}, {})
    signatures = standing(submission, version.artifact_sha256)
    needed = stricter(submission.needed, needed_for(version.system))
    missing = missing_signatures(needed, [frozenset(signature.roles) for signature in signatures])
    return Progress(submission, signatures, needed, missing)


def standing(submission: Submission, artifact_sha256: str) -> list[Approval]:
    """The signatures that stand, in the order in which they were given."""
    taken_back = submission.approvals.filter(verdict="withdrawn").order_by("-id").first()
    after = taken_back.pk if taken_back else 0
    given = submission.approvals.filter(verdict="approved", pk__gt=after, artifact_sha256=artifact_sha256)
    return list(given.order_by("id"))


def versions_awaiting(actor: Actor, waiting: Iterable[Version]) -> list[Version]:
    """Of the submitted versions those that this actor could sign and has not."""
    found = []
    for version in waiting:
        signed = {signature.decided_by for signature in progress_of(version).signatures}
        if actor.label not in signed and is_approver(actor, version.system):
            found.append(version)
    return found


def barred_because(actor: Actor, move: lifecycle.Transition, version: Version, progress: Progress) -> str:
    """Why the actor may not make the move although their role allows it; empty when nothing bars them."""
    reason = access.barred_because(actor, move, submitted_by=version.submitted_by)
    if reason:
        return reason
    if move.name in ("approve", "reject") and not is_approver(actor, version.system):
        return f"Only the approvers named for {version.system.name} may do this."
    if move.name == "approve" and actor.label == version.registered_by:
        return "You registered this version, so somebody else must approve it."
    signed = any(signature.decided_by == actor.label for signature in progress.signatures)
    if move.name == "approve" and signed:
        return "You have signed it; somebody else's signature is missing."
    if move.name == "withdraw" and not progress.signatures:
        return "Nobody has signed it yet."
    return ""
