"""Every write of a review: one decision, one transaction, one entry in the trail each.

A ruling is a new fact beside the model's answer. The decision, its inputs and its score stay as they were recorded.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

import audit.queries as trail
from audit.identifiers import new_id
from audit.models import Entry
from explain.disputes.queries import has_first_view
from explain.events import Event
from explain.lifecycle import DisputeState, Stage, check_dispute
from explain.models import Correction, Dispute, LabelEffect, Outcome, Ruling
from explain.moves import check_actor, keep_step, lock_dispute, move
from explain.queries import policy_of
from explain.reviewing import queries
from explain.reviewing.reasons import codes_for, effect_of
from explain.sealing import Seal
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Forbidden, Invalid, Problem
from portal.queue import after_commit
from registry.scoring.schema import validator

RESCORE = "explain.reviewing.tasks.rescore"
MAX_ATTEMPTS = 2
LOST = "The worker was lost twice while it scored the corrected inputs. Try again, or tell your ML lead."


@transaction.atomic
def start_review(*, actor: Actor, dispute: Dispute, expected_state: str | None = None, now: datetime) -> Dispute:
    """The actor reviews the case from now on, and nobody else.

    A case that another one reviews is taken over only by who says that they saw it so (`expected_state`). `Forbidden`
    for whoever took it in, and for who has no authority by the system's policy.
    """
    locked = lock_dispute(dispute)
    check_actor(actor, locked, "review")
    check_dispute("review", DisputeState(locked.state), expected_state)
    before = locked.reviewer if locked.state == DisputeState.IN_REVIEW else None
    if before == actor.label:
        raise Conflict("You review this case already.", code="under_review")
    if before and expected_state is None:
        whom = before.partition(":")[2]
        words = f"{whom} reviews this case. To take it over, say that you saw it so (expected_state in_review)."
        raise Conflict(words, code="under_review")
    is_blind = policy_of(locked.system).blind_review
    move(actor, locked, "review", expected_state, reviewer=actor.label, is_blind=is_blind)
    details = {"blind": is_blind, **({"took_over_from": before} if before else {})}
    keep_step(actor=actor, dispute=locked, event=Event.DISPUTE_REVIEW_STARTED, details=details, now=now)
    return locked


@transaction.atomic
def write_first_view(*, actor: Actor, dispute: Dispute, words: str, now: datetime) -> Dispute:
    """What the reviewer thinks before seeing what the model answered; the page shows it from then on."""
    locked = _lock_to_review(actor, dispute)
    if not locked.is_blind:
        raise Conflict("The policy of this system asks for no first view.", code="not_blind")
    if has_first_view(locked):
        raise Conflict("The first view is written already, and stays.", code="written_already")
    if not words.strip():
        raise Invalid("A first view needs words.", details=[Problem("words", "is required")])
    keep_step(actor=actor, dispute=locked, event=Event.DISPUTE_FIRST_VIEW_WRITTEN, words=words.strip(), now=now)
    return locked


@transaction.atomic
def correct_inputs(
    *, actor: Actor, dispute: Dispute, decision: Entry, changes: Mapping[str, Any], now: datetime
) -> Correction:
    """Inputs as they should have been; a worker has the version that decided score them again.

    `Invalid` where the schema does not take them or nothing differs, `Conflict` where that version is not here.
    """
    locked = _lock_to_review(actor, dispute)
    _check_first_view(locked)
    inputs, changed = _corrected(decision, changes)
    identifier, seal = new_id(), Seal(locked.decision_id)
    sealed = seal.seal(f"correction/{identifier}", json.dumps(inputs).encode())
    made = Correction.objects.create(
        id=identifier,
        dispute=locked,
        round=locked.round,
        changed=changed,
        sealed_inputs=sealed,
        asked_by=actor.label,
        asked_at=now,
        touched_at=now,
    )
    details = {"correction": str(made.id), "changed": ", ".join(changed), "sha256": hashlib.sha256(sealed).hexdigest()}
    keep_step(actor=actor, dispute=locked, event=Event.DISPUTE_INPUTS_CORRECTED, details=details, now=now)
    after_commit(RESCORE, correction_id=str(made.id))
    return made


@transaction.atomic
def claim_correction(*, correction_id: uuid.UUID, is_redelivery: bool, now: datetime) -> Correction | None:
    """Take the job, by compare-and-swap; None when another worker has it, or it is finished."""
    free = (Stage.QUEUED, Stage.RUNNING) if is_redelivery else (Stage.QUEUED,)
    mine = Correction.objects.filter(pk=correction_id, state__in=free, attempts__lt=MAX_ATTEMPTS)
    taken = mine.update(state=Stage.RUNNING, touched_at=now, attempts=F("attempts") + 1)
    return Correction.objects.select_related("dispute").get(pk=correction_id) if taken else None


@transaction.atomic
def finish_correction(
    *, actor: Actor, correction: Correction, score: float, label: str | None, now: datetime
) -> bool:
    """Keep the score of the corrected inputs. False when the job was finished by another, or the person erased."""
    dispute = lock_dispute(correction.dispute)
    seal = Seal(dispute.decision_id)
    if seal.is_broken:
        return False
    result = seal.seal(f"result/{correction.id}", json.dumps({"score": score, "label": label}).encode())
    running = Correction.objects.filter(pk=correction.pk, state=Stage.RUNNING)
    if not running.update(state=Stage.DONE, sealed_result=result, error="", finished_at=now):
        return False
    details = {"correction": str(correction.id), "sha256": hashlib.sha256(result).hexdigest()}
    keep_step(actor=actor, dispute=dispute, event=Event.DISPUTE_RESCORED, details=details, now=now)
    return True


@transaction.atomic
def fail_correction(*, correction: Correction, error: str, now: datetime) -> None:
    """Say why there is no score; asking for it is recorded."""
    waiting = Correction.objects.filter(pk=correction.pk).exclude(state=Stage.DONE)
    waiting.update(state=Stage.FAILED, error=error, finished_at=now)


@transaction.atomic
def requeue_stale(*, now: datetime) -> int:
    """Send forgotten jobs again, and give up on those that were tried twice; how many there were."""
    stale = list(queries.stale_corrections(now).select_for_update(skip_locked=True))
    for correction in stale:
        if correction.attempts < MAX_ATTEMPTS:
            Correction.objects.filter(pk=correction.pk).update(state=Stage.QUEUED, touched_at=now)
            after_commit(RESCORE, correction_id=str(correction.id))
        else:
            fail_correction(correction=correction, error=LOST, now=now)
    return len(stale)


@transaction.atomic
def decide_dispute(
    *,
    actor: Actor,
    dispute: Dispute,
    decision: Entry,
    outcome: str,
    reason_code: str,
    grounds: str,
    answer: str = "",
    expected_state: str | None = None,
    now: datetime,
) -> Ruling:
    """The reviewer's decision, with its grounds in words for the person.

    `answer` is the one in force after overturning; left out it is the other label. A correction is in force with what
    the version answered to the corrected inputs. `Invalid` where reason and outcome, or outcome and answer, do not go
    together; `Conflict` without the first view that the policy asks for, or without a correction that was scored.
    """
    locked = lock_dispute(dispute)
    move(actor, locked, "decide", expected_state)
    _check_first_view(locked)
    effect = _check_ruling(outcome, reason_code, grounds)
    before = queries.answer_of(decision)
    correction = _scored_correction(locked) if outcome == Outcome.CORRECTED else None
    after = _answer_after(outcome, before, answer, decision, correction)
    identifier = new_id()
    sealed = Seal(locked.decision_id).seal(f"grounds/{identifier}", grounds.strip().encode())
    ruling = Ruling.objects.create(
        id=identifier,
        dispute=locked,
        round=locked.round,
        outcome=outcome,
        reason_code=reason_code,
        answer_before=before,
        answer_now=after,
        label_effect=effect,
        correction=correction,
        sealed_grounds=sealed,
        decided_by=actor.label,
        decided_at=now,
    )
    details = {
        "ruling": str(ruling.id),
        "outcome": outcome,
        "reason_code": reason_code,
        "answer_before": before,
        "answer_now": after,
        "label_effect": effect.value,
        "grounds_sha256": hashlib.sha256(sealed).hexdigest(),
    }
    keep_step(actor=actor, dispute=locked, event=Event.DISPUTE_DECIDED, details=details, now=now)
    return ruling


def _lock_to_review(actor: Actor, dispute: Dispute) -> Dispute:
    actor.need(Permission.DISPUTE_REVIEW)
    locked = lock_dispute(dispute)
    if locked.state != DisputeState.IN_REVIEW:
        raise Conflict(f"The dispute is {locked.state}, and must be in_review.", code="wrong_state")
    if locked.reviewer != actor.label:
        raise Forbidden("Only the reviewer of the case may do this.")
    return locked


def _check_first_view(dispute: Dispute) -> None:
    if dispute.is_blind and not has_first_view(dispute):
        words = "The policy of this system asks for your first view before you see the model's answer. Write it first."
        raise Conflict(words, code="first_view_missing")


def _corrected(decision: Entry, changes: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The whole inputs, and the names of those that differ."""
    spec, recorded = queries.spec_of(decision), trail.inputs_of(decision.id)
    if recorded is None:
        raise Conflict("The inputs of this decision are no longer there.", code="no_inputs")
    if spec is None:
        words = "The version that decided is not in the registry, so nothing can be scored again. Overturn instead."
        raise Conflict(words, code="no_version")
    before = recorded["inputs"]
    inputs = {**before, **changes}
    # Null takes an input away; whether that is allowed the schema says.
    inputs = {name: value for name, value in inputs.items() if value is not None or before.get(name, 0) is None}
    changed = sorted(name for name in {*before, *inputs} if before.get(name) != inputs.get(name))
    problems = validator(spec.inputs)(inputs)
    if problems:
        raise Invalid("The version does not take these inputs.", details=problems)
    if not changed:
        raise Invalid("Nothing differs from what was recorded.", details=[Problem("inputs", "change nothing")])
    return inputs, changed


def _check_ruling(outcome: str, reason_code: str, grounds: str) -> LabelEffect:
    problems = []
    effect = effect_of(outcome, reason_code)
    if outcome not in Outcome.values:
        problems.append(Problem("outcome", f"must be one of: {', '.join(Outcome.values)}"))
    elif effect is None:
        problems.append(Problem("reason_code", f"must be one of: {', '.join(codes_for(outcome))}"))
    if not grounds.strip():
        problems.append(Problem("grounds", "is required: it goes into the letter"))
    if problems or effect is None:
        raise Invalid("The dispute cannot be decided so.", details=problems)
    return effect


def _scored_correction(dispute: Dispute) -> Correction:
    found = queries.correction_of(dispute)
    if found is None or found.state != Stage.DONE:
        words = "Correct the inputs first, and wait until they were scored again."
        raise Conflict(words, code="not_rescored")
    return found


def _answer_after(outcome: str, before: str, answer: str, decision: Entry, correction: Correction | None) -> str:
    if outcome == Outcome.UPHELD:
        after = before
    elif correction is not None:
        result = queries.result_of(correction) or {}
        after = str(result.get("label") or f"{result.get('score'):g}")
    else:
        spec = queries.spec_of(decision)
        after = answer.strip() or queries.other_answer(decision, spec)
        labels = spec.output.labels if spec and spec.output.labels else None
        if not after or after == before or len(after) > 64 or (labels and after not in labels):
            allowed = f"one of: {', '.join(labels)}" if labels else "the answer that is in force from now on"
            raise Invalid(
                "Overturning needs another answer.",
                details=[Problem("answer", f"must be {allowed}, and differ from “{before}”")],
            )
    if answer.strip() and answer.strip() != after:
        raise Invalid("The answer does not follow.", details=[Problem("answer", f"is “{after}” by this outcome")])
    return after
