"""What people type into the pages of erasures and holds."""

from __future__ import annotations

from typing import Any

from django import forms

from audit.queries import systems_seen


class ReasonForm(forms.Form):
    """Why somebody does it; kept in the trail."""

    reason = forms.CharField(
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept in the trail for good: do not name the person.",
    )


class SubjectForm(ReasonForm):
    """A person, by the reference that the caller of the gateway gives."""

    system = forms.ChoiceField()
    subject = forms.CharField(
        max_length=256,
        label="The person's reference",
        help_text="Exactly as the caller gives it, for instance applicant-17. It is turned into a keyed mark at once"
        " and kept nowhere. A joint application is one reference: it covers everybody in it.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    field_order = ("system", "subject", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["system"].choices = [(name, name) for name in systems_seen()]


class HoldForm(SubjectForm):
    """A legal hold on a whole system, or on one person in it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["subject"].required = False
        self.fields["subject"].help_text = "Leave it empty to hold the whole system. It is kept nowhere."


class ConfirmForm(ReasonForm):
    """Why the data is erased."""


class OverridingForm(ConfirmForm):
    """The same, inside the six months."""

    override = forms.CharField(
        max_length=2_000,
        label="Why now, before the six months are over",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For instance that the person's right to erasure comes before the duty to keep logs here, and who"
        " decided so. Shown on this page and kept in the trail.",
    )
