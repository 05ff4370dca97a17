"""Why a dispute ends as it does: the reason codes, as data. Pure.

What a ruling says about the model's own answer goes back to training: an exception from policy says nothing about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from explain.models import LabelEffect, Outcome

_UP, _OVER, _CORR = (Outcome(name) for name in ("upheld", "overturned", "corrected"))
_FLIP, _CONFIRM, _FEATURE, _NONE = (
    LabelEffect(name) for name in ("flip", "confirm", "feature_correction", "none")
)


@dataclass(frozen=True)
class ReasonCode:
    """One reason: its words, and what it says of the model's answer for each outcome that it goes with."""

    code: str
    words: str
    effects: Mapping[Outcome, LabelEffect]


REASON_CODES = (
    ReasonCode("confirmed", "Looked at again and found right", {_UP: _CONFIRM}),
    ReasonCode("not_substantiated", "The claim names nothing that could be checked", {_UP: _NONE}),
    ReasonCode("clerical", "A clerical error on our side", {_OVER: _NONE, _CORR: _FEATURE}),
    ReasonCode("input_wrong", "What we held of the person was wrong", {_CORR: _FEATURE}),
    ReasonCode("model_error", "The model judged this case wrongly", {_OVER: _FLIP}),
    ReasonCode("new_facts", "Facts that came later, or that the model does not look at", {_OVER: _NONE}),
    ReasonCode("policy_exception", "An exception from policy", {_OVER: _NONE}),
    ReasonCode("procedural", "The procedure was not kept to", {_UP: _NONE, _OVER: _NONE}),
)
BY_CODE = {reason.code: reason for reason in REASON_CODES}


def effect_of(outcome: str, code: str) -> LabelEffect | None:
    """What the ruling says of the model's answer; None where the reason does not go with the outcome."""
    reason = BY_CODE.get(code)
    return reason.effects.get(Outcome(outcome)) if reason and outcome in Outcome.values else None


def codes_for(outcome: str) -> list[str]:
    """The codes that go with an outcome."""
    return [reason.code for reason in REASON_CODES if outcome in {each.value for each in reason.effects}]
