"""What people type into the pages of exports and searches."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import QueryDict

from audit.exports.searching import Sought
from audit.forms import DecisionPageForm, Moment
from audit.queries import systems_seen
from portal.accounts.access import Actor, Permission
from portal.addresses import MomentField

PERIOD = timedelta(days=30)


def initial_of(parameters: QueryDict, now: datetime) -> dict[str, Any]:
    """System and times as the filters of the decisions' page had them; else the last thirty days."""
    filters = DecisionPageForm(parameters)
    wanted = filters.wanted() if filters.is_valid() else None
    # To the minute, as the browser's field has it, and so that what is there now is in it.
    minute = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    since, until = (wanted.since, wanted.until) if wanted else (None, None)
    return {"system": wanted.system if wanted else "", "since": since or minute - PERIOD, "until": until or minute}


class _JobForm(forms.Form):
    """Of which system, from when to when, and why."""

    system = forms.ChoiceField()
    since = MomentField(widget=Moment, label="From (UTC)")
    until = MomentField(widget=Moment, label="Until (UTC)")
    purpose = forms.CharField(
        max_length=500,
        help_text="For instance the number of the case. Kept in the trail for good: do not name a person.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["system"].choices = [(name, name) for name in systems_seen()]


class ExportForm(_JobForm):
    """An export; the box for personal data is there only for those who may read it."""

    FORMATS = (
        ("zip", "Evidence bundle (zip), which proves itself without us"),
        ("parquet", "Table with the hashed bytes (Parquet)"),
        ("csv", "Decisions for a spreadsheet (CSV in a zip)"),
    )
    format = forms.ChoiceField(choices=FORMATS)
    disclose = forms.BooleanField(required=False, label="With the personal data: what people sent and were answered")
    field_order = ("system", "since", "until", "format", "disclose", "purpose")

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["until"].help_text = "At most twelve months after the beginning."
        self.fields["purpose"].required = False
        if not actor.may(Permission.DECISION_READ):
            del self.fields["disclose"]


class SearchForm(_JobForm):
    """What to look for in the inputs of decisions."""

    HOW = (("is", "is"), ("contains", "contains"), ("between", "lies between"))
    input = forms.CharField(max_length=128, label="Input", help_text="The name that callers send, for instance lvrat.")
    how = forms.ChoiceField(choices=HOW, label="Its value")
    value = forms.CharField(
        max_length=500,
        required=False,
        help_text="For “is” and “contains”. Kept encrypted, and only until the search ends.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    low = forms.FloatField(required=False, label="Lowest number", help_text="For “lies between”.")
    high = forms.FloatField(required=False, label="Highest number")
    field_order = ("system", "since", "until", "input", "how", "value", "low", "high", "purpose")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["until"].help_text = "At most three months after the beginning."

    def sought(self) -> Sought:
        """What is looked for; call after `is_valid`."""
        said = self.cleaned_data
        return Sought(said["input"].strip(), said["how"], said["value"], said["low"], said["high"])
