"""What people type when they open a dispute and look after it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.utils import timezone

from audit.queries import systems_seen
from explain.disputes.queries import MINE, NOBODY, DisputeFilter, people_who_handle
from explain.disputes.services import CHANNELS, IDENTITIES
from explain.lifecycle import DisputeState
from portal.addresses import MomentField
from portal.sniffing import MAX_BYTES, WORDS
from portal.templatetags.portal_tags import state_word

_DAY = "%Y-%m-%d"
_UNCHECKED = ("", "not checked yet")


def choices(words: tuple[str, ...]) -> list[tuple[str, str]]:
    """The words as choices that are called what they are."""
    return [(word, word) for word in words]


class DisputeForm(forms.Form):
    """Somebody contests a decision."""

    channel = forms.ChoiceField(choices=choices(CHANNELS))
    received_at = MomentField(
        initial=timezone.now,
        label="Received (UTC)",
        help_text="The clock starts here. What came earlier is entered with its own date.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
    )
    identity = forms.ChoiceField(
        required=False,
        choices=[_UNCHECKED, *choices(IDENTITIES)],
        label="How they proved who they are",
        help_text="Nothing about a person leaves the house before this was checked.",
    )
    claim = forms.CharField(
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What the person says, in their words.",
    )


class DisputeFilterForm(forms.Form):
    """Which disputes to list."""

    state = forms.CharField(required=False, max_length=16)
    owner = forms.CharField(required=False, max_length=150)
    system = forms.CharField(required=False, max_length=64)
    overdue = forms.BooleanField(required=False)
    due_before = MomentField(required=False)

    def wanted(self) -> DisputeFilter:
        """What to look for."""
        facts = self.cleaned_data
        return DisputeFilter(
            state=facts["state"],
            owner=facts["owner"],
            system=facts["system"],
            is_overdue=facts["overdue"],
            due_before=facts["due_before"],
        )


class QueueForm(DisputeFilterForm):
    """The same on the page, with what there is to choose; open cases unless told."""

    state = forms.ChoiceField(
        required=False,
        choices=[("open", "open"), *((state.value, state_word(state)) for state in DisputeState), ("all", "all")],
    )
    owner = forms.ChoiceField(required=False)
    system = forms.ChoiceField(required=False)
    overdue = forms.BooleanField(required=False, label="Only late ones")
    due_before = forms.DateField(
        required=False, label="Due before", widget=forms.DateInput(attrs={"type": "date"}, format=_DAY)
    )
    field_order = ("state", "owner", "system", "due_before", "overdue")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(person.username, person.username) for person in people_who_handle()]
        self.fields["owner"].choices = [("", "anybody"), (MINE, "me"), (NOBODY, "nobody yet"), *names]
        self.fields["system"].choices = [("", "every system"), *((name, name) for name in systems_seen())]

    def wanted(self) -> DisputeFilter:
        """What to look for."""
        facts = self.cleaned_data
        due = facts["due_before"]
        start = datetime.combine(due, datetime.min.time(), UTC) if due else None
        state = facts["state"] or "open"
        return DisputeFilter(
            state="" if state == "all" else state,
            owner=facts["owner"],
            system=facts["system"],
            is_overdue=facts["overdue"],
            due_before=start,
        )


class MoveForm(forms.Form):
    """One move; the state in which the person saw the case comes along."""

    expected_state = forms.CharField(required=False, max_length=16, widget=forms.HiddenInput)

    def clean_expected_state(self) -> str | None:
        """None where the page did not say."""
        return self.cleaned_data["expected_state"] or None


class ReasonForm(forms.Form):
    """Why somebody does it."""

    reason = forms.CharField(
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Kept in the trail: do not name the person.",
    )


class ReasonedMoveForm(MoveForm, ReasonForm):
    """A move that needs a reason."""


class AssignForm(forms.Form):
    """To whom the case goes."""

    username = forms.ChoiceField(required=False, label="Owner")
    expected_owner = forms.CharField(required=False, max_length=150, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(person.username, person.username) for person in people_who_handle()]
        self.fields["username"].choices = [("", "nobody"), *names]


class NoteForm(forms.Form):
    """What the file of the case should hold."""

    words = forms.CharField(
        max_length=20_000,
        label="Note",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Encrypted with the case. A note stays: it is never changed or taken back.",
    )


class IdentityForm(forms.Form):
    """How the person proved who they are."""

    how = forms.ChoiceField(choices=choices(IDENTITIES), label="They proved who they are by")


class FileForm(forms.Form):
    """A file of the case."""

    file = forms.FileField(
        widget=forms.FileInput(attrs={"data-max-bytes": MAX_BYTES, "accept": ".pdf,.png,.jpg,.jpeg,.txt"}),
        help_text=f"{WORDS}, at most {MAX_BYTES // (1024 * 1024)} MiB. Encrypted with the case.",
    )


class ExtendForm(ReasonForm):
    """Until when the answer is due from now on."""

    due_at = MomentField(
        label="New date",
        widget=forms.DateTimeInput(attrs={"type": "date"}, format=_DAY),
        input_formats=[_DAY, "%Y-%m-%dT%H:%M"],
    )
    field_order = ("due_at", "reason")


class PolicyForm(ReasonForm):
    """How disputes about one system are handled."""

    days = forms.IntegerField(
        min_value=1,
        max_value=365,
        label="Days until the answer is due",
        help_text="GDPR Art. 12(3): one month from receipt.",
    )
    blind_review = forms.BooleanField(
        required=False, label="The reviewer writes a first view before seeing what the model answered"
    )
    by_support = forms.BooleanField(
        required=False,
        label="Support agents may review and decide, too (never a case that they took in)",
    )
    jurisdiction = forms.CharField(max_length=8, label="Law", help_text="Which letters are used, for instance EU.")
    language = forms.CharField(max_length=8, help_text="Of letters, unless another is chosen: en, de, …")
    sender = forms.CharField(
        required=False,
        max_length=1_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Who writes",
        help_text="Name and address as they stand at the head of a letter. Without them none can be sent.",
    )
    contact = forms.CharField(
        required=False,
        max_length=1_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="Where people turn to",
        help_text="For questions, and to say that they disagree.",
    )
    authority = forms.CharField(
        required=False,
        max_length=1_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="Who supervises",
        help_text="The authority to which people may complain, with its address.",
    )
    field_order = ("days", "blind_review", "by_support", "jurisdiction", "language", "sender", "contact", "authority")
