"""What people type into the dossier's pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from portal.sniffing import WORDS
from registry.dossier.queries import Dossier, Point
from registry.dossier.services import MAX_DOCUMENT_BYTES
from registry.dossier.states import PointState
from registry.forms import ReasonForm
from registry.models import StatementKind, System
from registry.models.dossier import Writer

KINDS: dict[str, str] = {
    StatementKind.STATEMENT.value: "A statement: what is so, signed by me",
    StatementKind.COMMENT.value: "A comment: beside what stands, changing nothing",
    StatementKind.OVERRIDE.value: "An override: instead of what is filled automatically, with a reason",
    StatementKind.NOT_APPLICABLE.value: "Not applicable here, for a reason",
    StatementKind.WITHDRAWAL.value: "Take back what was signed, for a reason",
}
ALL_VERSIONS, THIS_VERSION = "all", "this"


class DossierFilterForm(forms.Form):
    """Which points to show, of which version."""

    version = forms.TypedChoiceField(coerce=int, empty_value=None, required=False)
    state = forms.ChoiceField(required=False)
    group = forms.ChoiceField(required=False, label="Part of the law")
    who = forms.ChoiceField(required=False, label="Who writes")

    def __init__(self, data: Any, *, system: System, groups: list[dict[str, str]]) -> None:
        super().__init__(data)
        numbers = system.versions.order_by("-number").values_list("number", flat=True)
        self._offer("version", {number: f"Version {number}" for number in numbers}, "the live one")
        self._offer("state", {"waits": "all that wait", **{state.value: state.label for state in PointState}}, "any")
        self._offer("group", {group["id"]: f"{group['short']}: {group['title']}" for group in groups}, "all")
        self._offer("who", dict(Writer.choices), "anybody")

    def _offer(self, name: str, choices: Mapping[Any, str], nothing: str) -> None:
        self.fields[name].choices = [("", nothing), *choices.items()]

    def chosen(self, dossier: Dossier) -> list[Point]:
        """The points that the filters leave; a filter that cannot be read leaves all."""
        wanted = self.cleaned_data if self.is_valid() else {}
        state, group, who = (wanted.get(name, "") for name in ("state", "group", "who"))
        return [
            point
            for point in dossier.points
            if (not state or (point.waits if state == "waits" else point.state == state))
            and (not group or point.requirement.group == group)
            and (not who or point.requirement.written_by == who)
        ]


class WritingForm(forms.Form):
    """A text on a point. How long it may be is the service's to say, so that nothing is cut off here."""

    text = forms.CharField(
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"class": "text", "rows": 14}),
        help_text="Markdown: **bold**, lists, tables, links. HTML appears as typed.",
    )
    kind = forms.ChoiceField(widget=forms.RadioSelect, label="What it is")
    scope = forms.ChoiceField(widget=forms.RadioSelect, label="For", initial=ALL_VERSIONS)
    reason = forms.CharField(
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Needed for everything but a statement and a comment.",
    )
    expected_revision = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    password = forms.CharField(
        required=False,
        strip=False,
        max_length=256,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="Your name under it counts as a signature.",
    )

    def __init__(self, data: Any = None, *, point: Point, number: int | None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        offered = kinds_for(point)
        self.fields["kind"].choices = [(kind, KINDS[kind]) for kind in offered]
        self.fields["kind"].initial = offered[0]
        scopes = [(ALL_VERSIONS, "every version of the system")]
        if number is not None:
            scopes.append((THIS_VERSION, f"version {number} alone"))
        self.fields["scope"].choices = scopes


class DocumentForm(forms.Form):
    """A paper that fills something: a file, or where it is found."""

    key = forms.ChoiceField(label="What it is")
    title = forms.CharField(max_length=160, label="Name")
    file = forms.FileField(
        required=False,
        widget=forms.FileInput(attrs={"data-max-bytes": MAX_DOCUMENT_BYTES, "accept": ".pdf,.png,.jpg,.jpeg,.txt,.md"}),
        help_text=f"{WORDS}, at most {MAX_DOCUMENT_BYTES // (1024 * 1024)} MiB.",
    )
    url = forms.CharField(required=False, max_length=500, label="Or its address on the web")

    def __init__(self, data: Any = None, files: Any = None, *, keys: Mapping[str, str]) -> None:
        super().__init__(data, files)
        self.fields["key"].choices = list(keys.items())


class WithdrawForm(ReasonForm):
    """Why a paper is taken back."""


def kinds_for(point: Point) -> list[str]:
    """What a person may add to the point as it stands, the usual one first."""
    comment, no_use = StatementKind.COMMENT.value, StatementKind.NOT_APPLICABLE.value
    if point.state == PointState.AUTO:
        return [comment, StatementKind.OVERRIDE.value, no_use]
    kinds = [StatementKind.STATEMENT.value, comment]
    if point.statement is None or point.statement.kind != no_use:
        kinds.append(no_use)
    return [*kinds, StatementKind.WITHDRAWAL.value] if point.statement else kinds
