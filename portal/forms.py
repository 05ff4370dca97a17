"""What every app does with a form: take what it holds, or say at its fields what is wrong."""

from __future__ import annotations

from typing import Any

from django import forms

from portal.errors import Invalid, Problem, Refusal


def cleaned(form: forms.Form) -> dict[str, Any]:
    """What the form holds; `Invalid` naming everything that is wrong with it."""
    if form.is_valid():
        return form.cleaned_data
    details = [Problem(name, problem) for name, problems in form.errors.items() for problem in problems]
    first = details[0]
    field = first.path.replace("_", " ").capitalize()
    words = f"{field}: {first.problem} Go back, and fill it in."
    raise Invalid(words, details=details)


def show(form: forms.Form, refusal: Refusal) -> None:
    """The refusal in the form, each problem at its field where it has one here."""
    if not refusal.details:
        form.add_error(None, refusal.message)
    for problem in refusal.details:
        if problem.path in form.fields:
            form.add_error(problem.path, problem.problem)
        else:
            form.add_error(None, f"{problem.path} {problem.problem}")
