"""What people type into the registry's pages."""

from __future__ import annotations

from typing import Any

from django import forms

from portal.errors import Invalid, Problem
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


def cleaned(form: forms.Form) -> dict[str, Any]:
    """What the form holds; `Invalid` naming everything that is wrong with it."""
    if form.is_valid():
        return form.cleaned_data
    details = [Problem(name, problem) for name, problems in form.errors.items() for problem in problems]
    first = details[0]
    field = first.path.replace("_", " ").capitalize()
    words = f"{field}: {first.problem} Go back, and fill it in."
    raise Invalid(words, details=details)


def reason_of(form: ReasonForm) -> str:
    """The reason that was given; `Invalid` as `cleaned` says."""
    return cleaned(form)["reason"]
