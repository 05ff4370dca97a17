"""Endpoints of letters."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

import audit.queries as trail
from explain.disputes.bodies import CaseMoveBody, DisputeSummary
from explain.disputes.queries import dispute_for
from explain.disputes.rest import Act
from explain.letters import services
from explain.queries import policy_of
from portal.rest import valid


class AnswerBody(CaseMoveBody):
    """To whom the letter goes and how; the language is the policy's unless told."""

    recipient = serializers.CharField(max_length=500)
    delivery = serializers.CharField(max_length=32)
    language = serializers.CharField(max_length=8, required=False)


class DisputeAnswer(Act):
    """The letter is made and frozen, and the case is answered. 409 `letter_incomplete` names what stands against it."""

    @extend_schema(request=AnswerBody, responses=DisputeSummary)
    def post(self, request: Any, number: int) -> Response:
        dispute = dispute_for(self.actor, number)
        sent = valid(AnswerBody(data=request.data))
        sent.setdefault("language", policy_of(dispute.system).language)
        decision = trail.decision_for(self.actor, dispute.decision_id)
        return self.act(number, services.send_letter, decision=decision, **sent)
