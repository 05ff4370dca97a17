"""A paper as a PDF/A-3 with the dossier's content embedded, byte for byte as its digest on the cover says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from portal.errors import Conflict
from portal.printing.press import NotPrinted, print_spelt_out
from registry.dossier.papers.definitions import WHOLE, Paper
from registry.dossier.papers.document import Source, document_of
from registry.dossier.papers.export import markdown_of
from registry.dossier.papers.wording import FIRST, written_in

LAYOUT = Path(__file__).resolve().parents[2] / "layouts" / "dossier.typ"


def pdf_of(
    said: bytes, *, paper: Paper = WHOLE, language: str = FIRST, signing: Mapping[str, Any] | None = None
) -> bytes:
    """The PDF of a paper from the content's bytes; the same bytes and signing give the same PDF.

    `Conflict` with words for the desk where it cannot be printed.
    """
    source = source_of(said, signing)
    with written_in(language) as wording:
        document = document_of(source, paper, wording)
    try:
        return print_spelt_out(LAYOUT, document, at=printed_at(source), attached=said.decode())
    except NotPrinted as error:
        raise Conflict(f"The paper cannot be printed: {error}", code="not_printed") from None


def text_of(said: bytes, *, paper: Paper, language: str, signing: Mapping[str, Any] | None = None) -> str:
    """The same paper as Markdown."""
    with written_in(language) as wording:
        return markdown_of(document_of(source_of(said, signing), paper, wording))


def source_of(said: bytes, signing: Mapping[str, Any] | None = None) -> Source:
    """What papers are made from: the content's bytes, and what stands around them."""
    return Source(json.loads(said), hashlib.sha256(said).hexdigest(), signing)


def printed_at(source: Source) -> datetime:
    """The moment that the PDF names as its own: of the content, or of the last signature."""
    signatures = source.signing["signatures"] if source.signing else []
    moments = [source.content["made_at"], *(each["signed_at"] for each in signatures if each["signed_at"])]
    return max(datetime.fromisoformat(moment) for moment in moments)
