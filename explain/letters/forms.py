"""What people type when they write letters and their templates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from explain.disputes.forms import MoveForm, ReasonForm, choices
from explain.letters.queries import DELIVERIES
from explain.letters.templating import MAX_LENGTH
from explain.models import Dispute


class LetterForm(MoveForm):
    """To whom the letter goes, in which language, and how."""

    language = forms.ChoiceField()
    recipient = forms.CharField(
        max_length=500,
        label="Addressed to",
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
        help_text="Name and address, as they stand in the letter.",
    )
    delivery = forms.ChoiceField(
        choices=choices(DELIVERIES),
        label="It goes out by",
        help_text="Countersign carries no mail: download the letter afterwards, and send it.",
    )
    seen_sha256 = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, languages: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].choices = [(code, code) for code in languages]

    def clean_seen_sha256(self) -> str | None:
        """None where the page showed nothing yet."""
        return self.cleaned_data["seen_sha256"] or None


class TemplateForm(ReasonForm):
    """A letter's template."""

    title = forms.CharField(max_length=200, help_text="The subject of the letter; placeholders are possible.")
    body = forms.CharField(
        max_length=MAX_LENGTH,
        strip=False,
        label="Text",
        widget=forms.Textarea(attrs={"rows": 28, "spellcheck": "true", "class": "code tall"}),
    )
    expected_number = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)
    example = forms.ChoiceField(required=False, label="Look at it with")
    field_order = ("title", "body", "reason", "example")

    def __init__(self, *args: Any, examples: Sequence[Dispute], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cases = [(str(found.number), f"dispute {found.number}, {found.system}") for found in examples]
        self.fields["example"].choices = [*cases, ("", "a made-up case")]


class NewTemplateForm(forms.Form):
    """For which law, language and kind a template is begun."""

    jurisdiction = forms.RegexField(r"^[A-Za-z0-9]{1,8}$", max_length=8, initial="EU", label="Law")
    language = forms.RegexField(r"^[a-z]{2,3}(-[A-Za-z]{2,4})?$", max_length=8, initial="fr")
    kind = forms.ChoiceField(choices=[("upheld", "the decision stands"), ("changed", "the decision changed")])
