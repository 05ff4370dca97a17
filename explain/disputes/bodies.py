"""The shapes of disputes in the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from explain.disputes.queries import claim_of
from explain.models import Dispute


class RulingBody(serializers.Serializer):
    """What a person decided; the grounds are in the letter."""

    outcome = serializers.CharField()
    reason_code = serializers.CharField()
    answer_before = serializers.CharField()
    answer_now = serializers.CharField()
    label_effect = serializers.CharField()
    decided_by = serializers.CharField()
    decided_at = serializers.DateTimeField()


class LetterBody(serializers.Serializer):
    """A letter that was sent, by the SHA-256 of its PDF."""

    id = serializers.UUIDField()
    delivery = serializers.CharField()
    pdf_sha256 = serializers.CharField()
    sent_by = serializers.CharField()
    sent_at = serializers.DateTimeField()


class DisputeSummary(serializers.Serializer):
    """A dispute without the person's words."""

    number = serializers.IntegerField(read_only=True)
    decision = serializers.UUIDField(source="decision_id")
    channel = serializers.CharField(max_length=16)
    received_at = serializers.DateTimeField(required=False)
    identity = serializers.CharField(max_length=32, required=False, allow_blank=True)
    system = serializers.CharField(read_only=True)
    state = serializers.CharField(read_only=True)
    due_at = serializers.DateTimeField(read_only=True)
    opened_by = serializers.CharField(read_only=True)
    owner = serializers.CharField(read_only=True, allow_null=True)
    reviewer = serializers.CharField(read_only=True, allow_null=True)
    round = serializers.IntegerField(read_only=True)
    explanation = serializers.UUIDField(source="explanation_id", read_only=True, allow_null=True)
    ruling = serializers.SerializerMethodField()
    letters = LetterBody(many=True, read_only=True)

    @extend_schema_field(RulingBody(allow_null=True))
    def get_ruling(self, dispute: Dispute) -> dict[str, Any] | None:
        """None as well while the decision's answer is withheld from the caller."""
        if dispute.decision_id in self.context["withheld"]:
            return None
        found = [ruling for ruling in dispute.rulings.all() if ruling.round == dispute.round]
        return RulingBody(found[0]).data if found else None


class DisputeBody(DisputeSummary):
    """A dispute, in and out."""

    claim = serializers.CharField(max_length=10_000)

    def to_representation(self, dispute: Dispute) -> dict[str, Any]:
        return {**super().to_representation(dispute), "claim": claim_of(dispute)}


class DisputePage(serializers.Serializer):
    """One page of disputes, and the address of the next."""

    results = DisputeBody(many=True)
    next = serializers.URLField(allow_null=True)


class CaseMoveBody(serializers.Serializer):
    """A move; `expected_state` is the state in which the caller saw the case, and refuses it in any other."""

    expected_state = serializers.CharField(max_length=16, required=False, default=None)


class ReasonedCaseMoveBody(CaseMoveBody):
    """A move that needs a reason, which is kept in the trail and names nobody."""

    reason = serializers.CharField(max_length=2_000)


class AssignBody(serializers.Serializer):
    """To whom the case goes, by username; empty gives it back to all."""

    owner = serializers.CharField(max_length=150, allow_blank=True)
    expected_owner = serializers.CharField(max_length=150, allow_blank=True, required=False, default=None)


class WordsBody(serializers.Serializer):
    """Words for the file of the case."""

    words = serializers.CharField(max_length=20_000)


class IdentityBody(serializers.Serializer):
    """How the person proved who they are."""

    how = serializers.CharField(max_length=32)


class ExtendBody(serializers.Serializer):
    """Until when the answer is due from now on, and why."""

    due_at = serializers.DateTimeField()
    reason = serializers.CharField(max_length=2_000)
