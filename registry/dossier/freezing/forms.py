"""What people type when they freeze a dossier, sign it, or end it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from portal.accounts.models import User
from registry.dossier.freezing.queries import role_of
from registry.forms import ReasonForm

MOST = 2_000


class FreezeForm(forms.Form):
    """Who signs, and why it is signed in spite of what is missing."""

    signatories = forms.MultipleChoiceField(
        label="Who signs",
        widget=forms.CheckboxSelectMultiple,
        help_text="It is complete once each of them has signed. They are fixed from now on.",
    )
    reason = forms.CharField(
        max_length=MOST,
        label="Why now",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Printed in the dossier, and kept in the trail.",
        error_messages={"required": "Say why it is signed in spite of the points that are not settled."},
    )
    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, people: Iterable[User], needs_reason: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = needs_reason
        words = {"compliance": "compliance officer", "ml_lead": "ML lead"}
        self.fields["signatories"].choices = [
            (person.username, f"{person.get_full_name() or person.username}, {words[role_of(person)]}")
            for person in people
        ]


class SignForm(forms.Form):
    """A signature: what one stands for, and the password where it is not fresh."""

    statement = forms.CharField(
        max_length=MOST,
        label="What you sign",
        initial="I have read this dossier, and stand for what it says.",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Printed beside your name.",
    )
    password = forms.CharField(
        required=False,
        strip=False,
        max_length=256,
        label="Your password",
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    content_sha256 = forms.CharField(max_length=64, widget=forms.HiddenInput)


class EndForm(ReasonForm):
    """Why somebody declines a dossier, or takes it back."""
