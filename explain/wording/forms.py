"""What compliance officers type when they say how inputs are told."""

from __future__ import annotations

from django import forms


class WordingForm(forms.Form):
    """One input in one language."""

    title = forms.CharField(max_length=200, label="What it is called")
    sentence = forms.CharField(
        required=False,
        max_length=500,
        label="As a reason",
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class LanguageForm(forms.Form):
    """Which language to look at."""

    language = forms.RegexField(r"^[a-z]{2,3}(-[A-Za-z]{2,4})?$", max_length=8, initial="en")
