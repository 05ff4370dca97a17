"""From data to a PDF: one call, no files besides the layouts that stand here, no network.

What people type reaches typst as JSON values, which it shows as text and never reads as its own language. PDF/A-3
embeds every font, so a character that no font here can show is an error, and not a box in somebody's letter.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

LAYOUTS = Path(__file__).parent / "layouts"
# Accessible (tagged) and with an embedded file; the archive of AI Act Art. 18 is for ten years.
STANDARD = "a-3a"
_NO_FONT = re.compile(r"the text `(.+?)` could not be displayed", re.DOTALL)


class Unprintable(Exception):
    """No font at hand shows this text; install one that does, or write it in other letters."""

    def __init__(self, text: str) -> None:
        super().__init__(f"No font at hand shows “{text}”. Write it in other letters, or have a font installed.")
        self.text = text


def print_pdf(layout: str, content: Mapping[str, Any], *, at: datetime, attached: Mapping[str, Any]) -> bytes:
    """The PDF of that layout with the content; `attached` is embedded as a JSON file. Same data, same bytes.

    `Unprintable` names the first text that cannot be shown.
    """
    inputs = {"content": json.dumps(plain(content), sort_keys=True), "attached": _readable(attached)}
    try:
        pdf = _typst().compile(
            LAYOUTS / f"{layout}.typ",
            root=LAYOUTS,
            format="pdf",
            sys_inputs=inputs,
            pdf_standards=[STANDARD],
            timestamp=at.replace(microsecond=0),
        )
    except _typst().TypstError as error:
        found = _NO_FONT.search(str(error))
        if found is None:
            raise
        raise Unprintable(found.group(1).strip('"')) from None
    assert isinstance(pdf, bytes)
    return pdf


def print_spelt_out(layout: str, content: Any, *, at: datetime, attached: Mapping[str, Any]) -> bytes:
    """The same for a document that must come out: what no font shows stands as its code points, such as [U+1F600]."""
    while True:
        try:
            return print_pdf(layout, content, at=at, attached=attached)
        except Unprintable as error:
            spelt = "".join(char if char.isascii() else f"[U+{ord(char):04X}]" for char in error.text)
            if spelt == error.text:
                raise
            content = json.loads(json.dumps(content, ensure_ascii=False).replace(error.text, spelt))


def plain(value: Any) -> Any:
    """The value with composed letters, and without the control characters that no paper shows."""
    if isinstance(value, str):
        composed = unicodedata.normalize("NFC", value.replace("\r\n", "\n"))
        return "".join(char for char in composed if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf"))
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def _readable(data: Mapping[str, Any]) -> str:
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False)


@cache
def _typst() -> Any:
    """The library, loaded by the first document: 80 MB that most processes never need."""
    import typst

    return typst
