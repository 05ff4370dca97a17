"""What people type about gates: why one is waived, and how it binds."""

from __future__ import annotations

from typing import Any

from django import forms

from registry.checking.findings import SUMMARY_LENGTH
from registry.checking.gates import ACCEPT_CLAIM, Level
from registry.checking.policies import Policy
from registry.forms import ReasonForm


class WaiverForm(forms.Form):
    """Why a gate is let pass; it stands on the version's page."""

    reason = forms.CharField(
        max_length=SUMMARY_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Stands on the checklist, and in the trail for good.",
    )


class PolicyForm(ReasonForm):
    """One gate's level and thresholds; the fields follow from the gate."""

    level = forms.ChoiceField(choices=[(level.value, level.value.capitalize()) for level in Level])

    def __init__(self, policy: Policy, *args: Any, **kwargs: Any) -> None:
        self.policy = policy
        kwargs["initial"] = {"level": policy.level, **{f"t_{name}": value for name, value in policy.thresholds.items()}}
        super().__init__(*args, **kwargs)
        for threshold in policy.gate.thresholds:
            self.fields[f"t_{threshold.name}"] = _field(threshold.name, threshold)
        self.order_fields(["level", *(f"t_{name}" for name in policy.gate.defaults), "reason"])

    @property
    def thresholds(self) -> dict[str, float]:
        """The thresholds of a valid form."""
        return {name: float(self.cleaned_data[f"t_{name}"]) for name in self.policy.gate.defaults}


def _field(name: str, threshold: Any) -> forms.Field:
    unit = f" ({threshold.unit})" if threshold.unit else ""
    if name == ACCEPT_CLAIM:
        choices = [("1", "Somebody's word is enough"), ("0", "It must be proven")]
        return forms.TypedChoiceField(label="Proof", choices=choices, coerce=float)
    return forms.FloatField(
        label=f"{threshold.title}{unit}",
        min_value=threshold.low,
        max_value=threshold.high,
        widget=forms.NumberInput(attrs={"step": "any"}),
        help_text=f"From {threshold.low:g} to {threshold.high:g}; {threshold.default:g} unless set.",
    )
