"""What people type about releases that nobody has approved."""

from __future__ import annotations

from django import forms

from portal.addresses import MomentField
from registry.forms import ReasonForm


class Moment(forms.DateTimeInput):
    """A browser's own calendar and clock; times are UTC."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M:%S", attrs={"step": 1})


class TimelineForm(forms.Form):
    """A moment to look at, and from when until when to look."""

    at = MomentField(required=False, widget=Moment, label="What was live at (UTC)")
    since = MomentField(required=False, widget=Moment, label="From")
    until = MomentField(required=False, widget=Moment, label="Until")
    before = forms.IntegerField(required=False, min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)


class SignedForm(ReasonForm):
    """Why, and the password again where it is not fresh."""

    password = forms.CharField(
        label="Your password",
        required=False,
        strip=False,
        max_length=256,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="This counts as your signature.",
    )


class BreakGlassForm(SignedForm):
    """Make a version live that nobody has approved."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    expected_release = forms.IntegerField(min_value=0, widget=forms.HiddenInput)


class RatifyForm(SignedForm):
    """Answer, after the fact, for a release that nobody had approved."""

    release = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
