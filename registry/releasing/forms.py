"""What people type about releases that nobody has approved."""

from __future__ import annotations

from django import forms

from registry.forms import ReasonForm


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
