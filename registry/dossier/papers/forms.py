"""Which paper somebody asks for."""

from __future__ import annotations

from typing import Any

from django import forms

from registry.dossier.papers.definitions import BY_ID, WHOLE
from registry.dossier.papers.wording import FIRST, LANGUAGES

_MOST = 2**31 - 1
_PAPERS = {WHOLE.id: WHOLE, **BY_ID}


class PaperForm(forms.Form):
    """A paper, in a language, of a version as it is now or of a frozen dossier; by default the whole, in English."""

    paper = forms.ChoiceField(choices=[(paper, paper) for paper in _PAPERS], required=False)
    lang = forms.ChoiceField(choices=[(code, code) for code in LANGUAGES], required=False)
    version = forms.IntegerField(min_value=1, max_value=_MOST, required=False)
    dossier = forms.IntegerField(min_value=1, max_value=_MOST, required=False)

    def clean(self) -> dict[str, Any]:
        """A frozen dossier is of one version already."""
        sent = super().clean() or {}
        if sent.get("version") and sent.get("dossier"):
            self.add_error("dossier", "A frozen dossier has its own version; ask for one of the two.")
        return {
            **sent,
            "paper": _PAPERS[sent.get("paper") or WHOLE.id],
            "lang": sent.get("lang") or FIRST,
        }


def file_name(slug: str, sent: dict[str, Any], ending: str) -> str:
    """The name under which a paper is saved."""
    of = [f"{name}-{sent[name]}" for name in ("version", "dossier") if sent.get(name)]
    return f"{'-'.join([slug, *of, sent['paper'].id, sent['lang']])}.{ending}"
