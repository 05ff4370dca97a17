"""What people type about a risk."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from registry.forms import ReasonForm
from registry.models import ControlKind, RiskRevision, RiskSource
from registry.risks.rating import LIKELIHOOD, MOST_CONTROLS, SEVERITY, Control, Written

DAY = "%Y-%m-%d"
_SEVERITY = [(number, f"{number} {word}") for number, word in SEVERITY.items()]
_LIKELIHOOD = [(number, f"{number} {word}") for number, word in LIKELIHOOD.items()]


def _rating(label: str, choices: list[tuple[int, str]]) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(label=label, choices=choices, coerce=int, initial=3)


def _words(label: str, help_text: str) -> forms.CharField:
    return forms.CharField(label=label, help_text=help_text, widget=forms.Textarea(attrs={"rows": 3}))


class RiskForm(forms.Form):
    """What is known of a risk."""

    title = forms.CharField(max_length=200, label="In one line")
    source = forms.ChoiceField(choices=RiskSource.choices, label="Found in")
    harm = _words("What could happen", "To health, safety or fundamental rights; and how the system would lead to it.")
    affected = _words("To whom", "Which groups, and how many of them the system meets.")
    is_vulnerable = forms.BooleanField(
        required=False, label="People under 18 or otherwise vulnerable are likely to be among them (Art. 9(9))"
    )
    severity = _rating("How grave, without controls", _SEVERITY)
    likelihood = _rating("How likely, without controls", _LIKELIHOOD)
    residual_severity = _rating("How grave, with the controls", _SEVERITY)
    residual_likelihood = _rating("How likely, with the controls", _LIKELIHOOD)
    review_due = forms.DateField(
        label="Looked at again by",
        initial=lambda: timezone.now().date() + timedelta(days=182),
        widget=forms.DateInput(attrs={"type": "date"}, format=DAY),
        input_formats=[DAY],
    )

    def written(self, controls: tuple[Control, ...]) -> Written:
        """What was written, once the form is valid."""
        facts = {name: value for name, value in self.cleaned_data.items() if name in Written.__dataclass_fields__}
        return Written(**facts, controls=controls)


class ReviseForm(RiskForm):
    """The same for what is known from now on, and why it is written anew."""

    is_closed = forms.BooleanField(required=False, label="The risk is gone: close it")
    reason = forms.CharField(
        max_length=2_000,
        label="Why it is written anew",
        help_text="Also a review that changes nothing is a revision: say so. Kept in the trail for good.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    expected_number = forms.IntegerField(widget=forms.HiddenInput)


class ControlForm(forms.Form):
    """One thing that stands against the risk; one without words is left out."""

    kind = forms.ChoiceField(choices=ControlKind.choices, initial=ControlKind.MITIGATE)
    words = forms.CharField(
        required=False, max_length=2_000, label="What is done", widget=forms.Textarea(attrs={"rows": 2})
    )
    evidence = forms.CharField(
        required=False,
        max_length=500,
        label="Where it shows",
        help_text="A gate (performance), a version (version 2), or an address.",
    )


ControlFormSet = forms.formset_factory(
    ControlForm, extra=2, max_num=MOST_CONTROLS, validate_max=True, absolute_max=MOST_CONTROLS + 1
)


def controls_in(formset: Any) -> tuple[Control, ...]:
    """The controls that were written, once the formset is valid."""
    rows = (form.cleaned_data for form in formset)
    return tuple(
        Control(row["kind"], row["words"].strip(), row["evidence"].strip()) for row in rows if row.get("words")
    )


class AcceptForm(ReasonForm):
    """The yes to what is left of a risk; the revision that the person saw comes along."""

    expected_number = forms.IntegerField(widget=forms.HiddenInput)
    field_order = ("expected_number", "reason")


class AcceptAllForm(ReasonForm):
    """The yes to all that is left of a version's risks; the register that the person saw comes along."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    expected = forms.CharField(max_length=64, widget=forms.HiddenInput)
    field_order = ("version", "expected", "reason")


def initial_of(revision: RiskRevision) -> dict[str, Any]:
    """What the form begins with: the newest revision."""
    names = [name for name in ReviseForm.base_fields if hasattr(revision, name) and name != "reason"]
    return {**{name: getattr(revision, name) for name in names}, "expected_number": revision.number}
