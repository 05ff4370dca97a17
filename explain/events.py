"""The names of the acts of explanations and disputes in the trail, in alphabetical order."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """What happened, as `noun.past_verb`."""

    DISPUTE_ASSIGNED = "dispute.assigned"
    DISPUTE_CLOSED = "dispute.closed"
    DISPUTE_DECIDED = "dispute.decided"
    DISPUTE_EXPLAINED = "dispute.explained"
    DISPUTE_EXTENDED = "dispute.extended"
    DISPUTE_FILE_ADDED = "dispute.file_added"
    DISPUTE_FILE_READ = "dispute.file_read"
    DISPUTE_FIRST_VIEW_WRITTEN = "dispute.first_view_written"
    DISPUTE_IDENTITY_CHECKED = "dispute.identity_checked"
    DISPUTE_INPUTS_CORRECTED = "dispute.inputs_corrected"
    DISPUTE_NOTE_ADDED = "dispute.note_added"
    DISPUTE_OPENED = "dispute.opened"
    DISPUTE_POLICY_SET = "dispute_policy.set"
    DISPUTE_READ = "dispute.read"
    DISPUTE_REOPENED = "dispute.reopened"
    DISPUTE_REVIEW_STARTED = "dispute.review_started"
    DISPUTE_RESCORED = "dispute.rescored"
    DISPUTE_WITHDRAWN = "dispute.withdrawn"
    EXPLANATION_FAILED = "explanation.failed"
    EXPLANATION_FINISHED = "explanation.finished"
    EXPLANATION_READ = "explanation.read"
    EXPLANATION_REQUESTED = "explanation.requested"
    EXPLANATION_TRIED = "explanation.tried"
    LETTER_READ = "letter.read"
    LETTER_SENT = "letter.sent"
    LETTER_TEMPLATE_SAVED = "letter_template.saved"
    WORDING_SET = "wording.set"
