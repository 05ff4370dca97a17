"""What people type into a report about an incident, and about what was written with an authority."""

from __future__ import annotations

from typing import Any

from django import forms

from portal.sniffing import MAX_BYTES, WORDS
from registry.incidents.forms import moment_field, words_field
from registry.incidents.reporting.content import HELP, SECTIONS
from registry.models import IncidentMessage, IncidentReport


class ReportForm(forms.Form):
    """The report: which one it is, and its sections."""

    stage = forms.ChoiceField(
        choices=IncidentReport.Stage.choices,
        label="Which report",
        help_text="A first report may be incomplete (Art. 73(5)); the complete one says something in every section.",
    )
    expected_number = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, title in SECTIONS.items():
            self.fields[name] = words_field(title, HELP[name], rows=5, required=False)

    @property
    def sections(self) -> dict[str, str]:
        """What was written."""
        return {name: self.cleaned_data[name] for name in SECTIONS}


class SendForm(forms.Form):
    """To whom a report went, and when."""

    number = forms.IntegerField(widget=forms.HiddenInput)
    authority = forms.CharField(
        max_length=200,
        label="To which authority",
        help_text="The market surveillance authority where it happened; for a deployer the provider knows first.",
    )
    reference = forms.CharField(max_length=200, required=False, label="Their reference, or ours")
    sent_at = moment_field("Sent")


class MessageForm(forms.Form):
    """What an authority wrote, or we wrote to it."""

    direction = forms.ChoiceField(choices=IncidentMessage.Direction.choices, label="Which way")
    authority = forms.CharField(max_length=200)
    reference = forms.CharField(max_length=200, required=False)
    at = moment_field("When")
    words = words_field("What it says", "The text itself, or what it says in short where the file holds it.")
    file = forms.FileField(
        required=False,
        widget=forms.FileInput(attrs={"data-max-bytes": MAX_BYTES, "accept": ".pdf,.png,.jpg,.jpeg,.txt"}),
        help_text=f"{WORDS}, at most {MAX_BYTES // (1024 * 1024)} MiB.",
    )
