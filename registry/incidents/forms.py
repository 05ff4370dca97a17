"""What people type about an incident."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from portal.sniffing import MAX_BYTES, WORDS
from portal.templatetags.portal_tags import state_word
from registry.forms import ReasonForm
from registry.incidents.clocks import Judged
from registry.incidents.queries import IncidentFilter
from registry.incidents.services import MOST_WORDS
from registry.models import Causality, IncidentLink, IncidentRole, IncidentState, Kind, System

MOMENT = "%Y-%m-%dT%H:%M"
# The states that one may look for beside all that are open, of which "open" is one.
OTHER_STATES = [(state, state_word(state)) for state in IncidentState.values if state != IncidentState.OPEN]


def moment_field(label: str, help_text: str = "", *, required: bool = True, initial: Any = None) -> forms.DateTimeField:
    """A moment in UTC, to the minute."""
    return forms.DateTimeField(
        label=f"{label} (UTC)",
        help_text=help_text,
        required=required,
        initial=initial,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MOMENT),
        input_formats=[MOMENT, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
    )


def words_field(label: str, help_text: str = "", *, rows: int = 4, required: bool = True) -> forms.CharField:
    """Words as plain text; how many are too many is the service's to say, with the text still in the box."""
    return forms.CharField(
        label=label, help_text=help_text, required=required, widget=forms.Textarea(attrs={"rows": rows})
    )


class JudgedForm(forms.Form):
    """How a case is judged: the facts that set its clock."""

    kind = forms.ChoiceField(
        choices=Kind.choices,
        initial=Kind.RIGHTS,
        label="What it may be",
        help_text="Art. 3(49). For lending the likely one is an infringement of fundamental rights: discrimination.",
    )
    is_death = forms.BooleanField(required=False, label="A person died (10 days)")
    is_widespread = forms.BooleanField(
        required=False, label="It is a widespread infringement: people in several Member States (2 days)"
    )
    role = forms.ChoiceField(
        choices=IncidentRole.choices,
        label="What we are towards this system",
        help_text="A deployer tells the provider first, then importer or distributor and the authority (Art. 26(5)).",
    )
    aware_at = moment_field(
        "Since when somebody of us knows", "The clock starts here, not when the case is written down."
    )
    causality = forms.ChoiceField(
        choices=Causality.choices,
        initial=Causality.UNKNOWN,
        label="Did the system lead to it, directly or indirectly?",
        help_text="From “reasonably likely” on the report is due immediately (Art. 73(2)).",
    )
    causality_at = moment_field("Likely or established since", required=False)
    sector_rule = words_field(
        "Another law's reporting, if one limits this one",
        "Art. 73(9): which law, and how the case is reported under it.",
        rows=2,
        required=False,
    )

    @property
    def judged(self) -> Judged:
        """What was said, once the form is valid."""
        return Judged(**{name: self.cleaned_data[name] for name in Judged.__dataclass_fields__})


class OpenForm(JudgedForm):
    """A new case about one system."""

    description = words_field(
        "What happened", f"Name nobody who was harmed. At most {MOST_WORDS:,} characters.", rows=5
    )
    versions = forms.TypedMultipleChoiceField(
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Versions concerned",
        help_text="They are held: they can leave production, but not enter it by release or rollback.",
    )
    decision = forms.UUIDField(required=False, label="A decision that it is about", help_text="Its id.")
    dispute = forms.IntegerField(required=False, min_value=1, label="A dispute that it is about")
    field_order = ("description", "versions", "kind", "is_death", "is_widespread", "aware_at", "decision", "dispute")
    # What a compliance officer will say, where whoever opens the case does not know it.
    may_wait = ("role", "causality", "causality_at", "sector_rule")

    def __init__(self, *args: Any, system: System, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = system.versions.order_by("-number").values_list("number", "state")
        self.fields["versions"].choices = [
            (number, f"Version {number} ({state_word(state)})") for number, state in rows
        ]

    @property
    def asked_first(self) -> list[forms.BoundField]:
        """The fields that everybody can fill."""
        return [field for field in self if field.name not in self.may_wait]

    @property
    def asked_later(self) -> list[forms.BoundField]:
        """The fields that may be left as they are."""
        return [self[name] for name in self.may_wait]

    @property
    def is_wrong_later(self) -> bool:
        """Whether one of those has to be looked at again."""
        return any(field.errors for field in self.asked_later)

    @property
    def links(self) -> list[tuple[str, str]]:
        """What the case is tied to from the beginning."""
        named = ((name, self.cleaned_data[name]) for name in ("decision", "dispute"))
        return [(name, str(value)) for name, value in named if value]


class AssessForm(JudgedForm, ReasonForm):
    """Judge a case anew."""

    expected_number = forms.IntegerField(widget=forms.HiddenInput)
    field_order = ("kind", "is_death", "is_widespread", "role", "aware_at", "causality", "causality_at", "sector_rule")


class LinkForm(forms.Form):
    """Something that belongs to the case."""

    what = forms.ChoiceField(choices=IncidentLink.What.choices, label="What")
    value = forms.CharField(
        max_length=500, label="Which", help_text="A decision's id, the number of a dispute or a release, an address."
    )


class HoldVersionForm(forms.Form):
    """Another version that the case concerns."""

    version = forms.TypedChoiceField(coerce=int)

    def __init__(self, *args: Any, numbers: list[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["version"].choices = [(number, f"Version {number}") for number in numbers]


class NoteForm(forms.Form):
    """What the case should hold."""

    words = words_field("Note", "Name nobody who was harmed. A note stays: it is never changed.", rows=3)


class FileForm(forms.Form):
    """A file of the case."""

    file = forms.FileField(
        widget=forms.FileInput(attrs={"data-max-bytes": MAX_BYTES, "accept": ".pdf,.png,.jpg,.jpeg,.txt"}),
        help_text=f"{WORDS}, at most {MAX_BYTES // (1024 * 1024)} MiB.",
    )


class MoveForm(ReasonForm):
    """One move; the state in which the person saw the case comes along."""

    expected_state = forms.CharField(required=False, max_length=24, widget=forms.HiddenInput)
    field_order = ("expected_state", "reason")

    def clean_expected_state(self) -> str | None:
        """None where the page did not say."""
        return self.cleaned_data["expected_state"] or None


class QueueForm(forms.Form):
    """The filters above the queue."""

    state = forms.ChoiceField(
        required=False,
        choices=[("open", "all that are open"), *OTHER_STATES, ("all", "all")],
    )
    system = forms.ChoiceField(required=False)
    overdue = forms.BooleanField(required=False, label="Only late ones")

    def __init__(self, *args: Any, systems: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["system"].choices = [("", "every system"), *((slug, slug) for slug in systems)]

    def wanted(self) -> IncidentFilter:
        """What to look for."""
        state = self.cleaned_data["state"] or "open"
        return IncidentFilter(
            "" if state == "all" else state, self.cleaned_data["system"], self.cleaned_data["overdue"]
        )


class FilterForm(forms.Form):
    """The filters of the API."""

    state = forms.ChoiceField(
        required=False, choices=[("open", "open"), *((state, state) for state in IncidentState.values)]
    )
    system = forms.CharField(required=False, max_length=64)
    overdue = forms.BooleanField(required=False)

    def wanted(self) -> IncidentFilter:
        """What to look for."""
        facts = self.cleaned_data
        return IncidentFilter(facts["state"], facts["system"], facts["overdue"])


def now_to_the_minute() -> datetime:
    """The latest moment that a field of minutes can say."""
    return timezone.now().replace(second=0, microsecond=0)
