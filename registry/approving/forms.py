"""What people type when they decide who approves."""

from __future__ import annotations

from django import forms

from registry.approving.signatures import MOST
from registry.forms import ReasonForm


class SigningForm(ReasonForm):
    """A signature: a reason, and the password again where it is not fresh."""

    password = forms.CharField(
        required=False,
        strip=False,
        max_length=256,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="Your approval counts as a signature.",
    )


class RuleForm(ReasonForm):
    """How many signatures of which role a system's versions need."""

    compliance = forms.IntegerField(min_value=0, max_value=MOST, label="Compliance officers")
    ml_lead = forms.IntegerField(min_value=0, max_value=MOST, label="ML leads")
    any = forms.IntegerField(min_value=0, max_value=MOST, label="Others, of either role")

    field_order = ("compliance", "ml_lead", "any", "reason")


class ApproverForm(forms.Form):
    """A person to name, or to remove."""

    username = forms.CharField(max_length=150)
