"""What people type into the trail's pages."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from enum import StrEnum

from django import forms
from django.http import QueryDict
from django.utils import timezone

from audit.queries import DecisionFilter
from audit.records import Mode, Status
from portal.addresses import MomentField


class Moment(forms.DateTimeInput):
    """A browser's own calendar and clock; times are UTC."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


def _choices(words: type[StrEnum]) -> list[tuple[str, str]]:
    return [("", "any"), *((word.value, word.value) for word in words)]


class DecisionFilterForm(forms.Form):
    """The filters of the contract; each narrows, none is required."""

    system = forms.CharField(required=False, max_length=64)
    version = forms.IntegerField(required=False, min_value=1, max_value=2**31 - 1)
    label = forms.CharField(required=False, max_length=64)
    status = forms.ChoiceField(required=False, choices=_choices(Status))
    subject = forms.CharField(required=False, max_length=256)
    mode = forms.ChoiceField(required=False, choices=_choices(Mode))
    since = MomentField(required=False, widget=Moment, label="From")
    until = MomentField(required=False, widget=Moment, label="Until")
    request_id = forms.CharField(required=False, max_length=128, label="Request")
    feature = forms.CharField(
        required=False, max_length=300, help_text="An input that is not personal, for instance unemp=3.1."
    )

    def clean_feature(self) -> dict[str, str]:
        """The input's name and the value that it must have."""
        name, sign, value = self.cleaned_data["feature"].partition("=")
        if not name:
            return {}
        if not sign:
            raise forms.ValidationError("Write it as name=value.")
        return {name.strip(): value.strip()}

    def wanted(self) -> DecisionFilter:
        """The filter; call after `is_valid`."""
        said = self.cleaned_data
        names = ("system", "version", "label", "status", "subject", "mode", "since", "until", "request_id")
        return DecisionFilter(**{name: said[name] for name in names if name in said}, features=said["feature"])


class DecisionPageForm(DecisionFilterForm):
    """The filters of the page, which looks back thirty days unless told otherwise."""

    PERIODS = (("1", "24 hours"), ("7", "7 days"), ("30", "30 days"), ("183", "six months"), ("all", "all time"))
    DEFAULT_PERIOD = "30"
    period = forms.ChoiceField(required=False, choices=PERIODS, initial=DEFAULT_PERIOD, label="In the last")
    field_order = ("subject", "system", "label", "status", "version", "period")
    RARE = ("mode", "since", "until", "request_id", "feature")

    def __init__(self, data: QueryDict) -> None:
        filled = data.copy()
        filled.setdefault("period", self.DEFAULT_PERIOD)
        super().__init__(filled)

    @property
    def often(self) -> list[forms.BoundField]:
        """The filters that are always shown."""
        return [field for field in self if field.name not in self.RARE]

    @property
    def rare(self) -> list[forms.BoundField]:
        """The filters behind “More”."""
        return [field for field in self if field.name in self.RARE]

    @property
    def rare_are_used(self) -> bool:
        """Whether one of those behind “More” narrows."""
        return any(self.data.get(name) for name in self.RARE)

    @property
    def period_words(self) -> str:
        """The period as people read it."""
        return dict(self.PERIODS).get(self.data["period"], "")

    @property
    def all_time_url(self) -> str:
        """The same filters without a bound in time."""
        looser = self.data.copy()
        looser["period"] = "all"
        return f"?{looser.urlencode()}"

    def wanted(self) -> DecisionFilter:
        """The filter. A person or a request is looked for in all time; a moment “from” counts before the period."""
        wanted, period = super().wanted(), self.cleaned_data["period"]
        if wanted.since or wanted.subject or wanted.request_id or period in ("", "all"):
            return wanted
        return replace(wanted, since=timezone.now() - timedelta(days=int(period)))


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
