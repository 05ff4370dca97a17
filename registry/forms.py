"""What people type into the registry's pages."""

from __future__ import annotations

from django import forms

from portal.errors import Invalid
from registry.models import Strategy


class ReasonForm(forms.Form):
    """Why somebody makes a move; kept in the trail."""

    reason = forms.CharField(
        max_length=2_000, widget=forms.Textarea(attrs={"rows": 3}), help_text="Kept in the trail for good."
    )


class ReleaseForm(ReasonForm):
    """Make a version live."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    expected_release = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    strategy = forms.ChoiceField(
        choices=[(Strategy.DIRECT.value, "Direct"), (Strategy.BLUE_GREEN.value, "Blue-green")],
        initial=Strategy.DIRECT.value,
    )


class RollbackForm(ReasonForm):
    """Return production to the last stable version."""

    expected_release = forms.IntegerField(min_value=0, widget=forms.HiddenInput)


def reason_of(form: ReasonForm) -> str:
    """The reason that was given; `Invalid` naming the first thing that is wrong with the form."""
    if not form.is_valid():
        name, problems = next(iter(form.errors.items()))
        raise Invalid(f"{name.replace('_', ' ').capitalize()}: {problems[0]} Go back, and fill it in.")
    return form.cleaned_data["reason"]
