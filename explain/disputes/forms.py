"""What people type when they open a dispute."""

from __future__ import annotations

from django import forms
from django.utils import timezone

from explain.disputes.queries import DisputeFilter
from explain.disputes.services import CHANNELS


class DisputeForm(forms.Form):
    """Somebody contests a decision."""

    channel = forms.ChoiceField(choices=[(channel, channel) for channel in CHANNELS])
    claim = forms.CharField(
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What the person says, in their words.",
    )
    received_at = forms.DateTimeField(
        initial=timezone.now,
        label="Received",
        help_text="The clock starts here.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
    )


class DisputeFilterForm(forms.Form):
    """Which disputes to list."""

    state = forms.CharField(required=False, max_length=16)
    owner = forms.CharField(required=False, max_length=150)
    system = forms.CharField(required=False, max_length=64)
    overdue = forms.BooleanField(required=False)
    due_before = forms.DateTimeField(required=False)

    def wanted(self) -> DisputeFilter:
        """What to look for."""
        facts = self.cleaned_data
        return DisputeFilter(
            state=facts["state"],
            owner=facts["owner"],
            system=facts["system"],
            is_overdue=facts["overdue"],
            due_before=facts["due_before"],
        )
