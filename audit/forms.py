"""What people type into the trail's pages."""

from __future__ import annotations

from enum import StrEnum

from django import forms

from audit.queries import DecisionFilter
from audit.records import Mode, Status


def _choices(words: type[StrEnum]) -> list[tuple[str, str]]:
    return [("", "any"), *((word.value, word.value) for word in words)]


class DecisionFilterForm(forms.Form):
    """The filters of the contract; each narrows, none is required."""

    system = forms.CharField(required=False, max_length=64)
    version = forms.IntegerField(required=False, min_value=1)
    label = forms.CharField(required=False, max_length=64)
    status = forms.ChoiceField(required=False, choices=_choices(Status))
    mode = forms.ChoiceField(required=False, choices=_choices(Mode))
    since = forms.DateTimeField(required=False)
    until = forms.DateTimeField(required=False)
    subject = forms.CharField(required=False, max_length=256)
    request_id = forms.CharField(required=False, max_length=128)

    def wanted(self) -> DecisionFilter:
        """The filter; call after `is_valid`."""
        return DecisionFilter(**self.cleaned_data)


class CursorForm(forms.Form):
    """Where a page begins."""

    before = forms.UUIDField(required=False)
    after = forms.UUIDField(required=False)
    cursor = forms.UUIDField(required=False)


class PurposeForm(forms.Form):
    """Why somebody reads a person's data."""

    PURPOSES = (
        ("answer", "To answer the person it is about"),
        ("review", "To review a disputed decision"),
        ("supervision", "To supervise the system"),
    )
    purpose = forms.ChoiceField(choices=PURPOSES)

    def words(self) -> str:
        """The purpose as it is recorded."""
        return dict(self.PURPOSES)[self.cleaned_data["purpose"]]
