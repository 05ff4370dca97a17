"""What people type into the page of retention."""

from __future__ import annotations

from django import forms

from audit.erasure.forms import ReasonForm


class RetentionForm(ReasonForm):
    """A system's maximum."""

    system = forms.CharField(max_length=64, widget=forms.HiddenInput)
    months = forms.IntegerField(
        required=False,
        label="Keep decisions for at most, in months",
        help_text="Whole calendar months, six or more. Empty keeps them for ever.",
    )
    field_order = ("system", "months", "reason")
