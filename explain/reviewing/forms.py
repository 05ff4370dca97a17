"""What people type when they review a case and decide it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from explain.disputes.forms import MoveForm
from explain.models import Outcome
from explain.reviewing.reasons import REASON_CODES
from registry.scoring.schema import Feature


class FirstViewForm(forms.Form):
    """What the reviewer thinks before seeing what the model answered."""

    words = forms.CharField(
        max_length=20_000,
        label="Your first view",
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="How would you decide from what you see here, and why? It stays as you write it, and then you see"
        " what the model answered.",
    )


class RulingForm(MoveForm):
    """The reviewer's decision."""

    outcome = forms.ChoiceField(choices=Outcome.choices, widget=forms.RadioSelect)
    reason_code = forms.ChoiceField(label="Reason")
    answer = forms.CharField(
        required=False, max_length=64, label="The answer in force, if you overturn", help_text="In a word or two."
    )
    grounds = forms.CharField(
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="In plain words for the person: they go into the letter. What is for the file alone is a note.",
    )

    def __init__(self, *args: Any, other_answer: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason_code"].choices = [("", "Choose")] + [
            (Outcome(outcome).label, [(each.code, each.words) for each in REASON_CODES if outcome in each.effects])
            for outcome in Outcome.values
        ]
        if other_answer:
            # With two labels, overturning leads to the other one.
            del self.fields["answer"]
            self.fields["outcome"].help_text = f"Overturned, “{other_answer}” is in force."


class CorrectionForm(forms.Form):
    """The inputs of a decision, to be put right; what is left as it is counts as right."""

    def __init__(
        self,
        features: Iterable[Feature],
        recorded: Mapping[str, Any],
        *args: Any,
        shown: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        begin = recorded if shown is None else shown
        self.features = {feature.name: feature for feature in features}
        self.recorded = recorded
        kwargs.setdefault("initial", {name: _shown(begin.get(name)) for name in self.features})
        super().__init__(*args, auto_id="input_%s", **kwargs)
        for name, feature in self.features.items():
            self.fields[name] = _field(feature)

    @property
    def changes(self) -> dict[str, Any]:
        """What differs from what was recorded; None where an input was taken away."""
        given = {name: _told(feature, self.cleaned_data.get(name)) for name, feature in self.features.items()}
        return {name: value for name, value in given.items() if value != self.recorded.get(name)}


def _field(feature: Feature) -> forms.Field:
    facts: dict[str, Any] = {"label": feature.title, "required": not feature.may_be_missing}
    facts["help_text"] = feature.unit
    if feature.kind in ("category", "boolean"):
        words = feature.categories if feature.kind == "category" else ("true", "false")
        empty = [("", "not given")] if feature.may_be_missing else []
        return forms.ChoiceField(choices=[*empty, *((word, word) for word in words)], **facts)
    if feature.kind == "integer":
        return forms.IntegerField(**facts)
    return forms.FloatField(widget=forms.NumberInput(attrs={"step": "any"}), **facts)


def _shown(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _told(feature: Feature, value: Any) -> Any:
    if value in ("", None):
        return None
    return value == "true" if feature.kind == "boolean" else value
