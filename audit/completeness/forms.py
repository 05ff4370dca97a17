"""Which hours somebody wants compared."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import forms

from portal.addresses import MomentField


class PeriodForm(forms.Form):
    """How far to look back."""

    PERIODS = (("1", "24 hours"), ("7", "7 days"), ("31", "31 days"))
    period = forms.ChoiceField(required=False, choices=PERIODS, label="In the last")

    def since(self, now: datetime) -> datetime:
        """The beginning; 24 hours back where nothing, or nonsense, was chosen."""
        chosen = self.cleaned_data.get("period") if self.is_valid() else ""
        return now - timedelta(days=int(chosen or 1))


class RangeForm(forms.Form):
    """The range of the API."""

    since = MomentField(required=False)
    until = MomentField(required=False)

    def range(self, now: datetime) -> tuple[datetime, datetime]:
        """From and until; the last 24 hours where nothing is said. Call after `is_valid`."""
        until = self.cleaned_data["until"] or now
        since = self.cleaned_data["since"] or until - timedelta(hours=24)
        return since, until
