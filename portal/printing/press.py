"""From data to a PDF, in a process apart: the typesetter may fail, hang or crash there, and takes nothing with it.

What people type reaches typst as JSON values, which it shows as text and never reads as its own language. PDF/A-3
embeds every font, so a character that no font here can show is an error, and not a box in somebody's letter.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from portal.printing.codes import CANNOT_SHOW, FAILED

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
# A document takes a third of a second.
SECONDS = 20.0
# Controls, marks of direction, halves of pairs, separators of lines that are none.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class NotPrinted(Exception):
    """There is no PDF; the message says why, in words for the person at the desk."""


class TookTooLong(NotPrinted):
    """It was stopped; another try would take as long."""


class Unprintable(NotPrinted):
    """No font at hand shows these characters."""

    def __init__(self, characters: str) -> None:
        told = ", ".join(f"“{char}” (U+{ord(char):04X})" for char in characters[:5])
        super().__init__(f"No font at hand shows {told}. Write it in other letters, or have a font installed.")
        self.characters = characters


def print_pdf(layout: Path, content: Mapping[str, Any], *, at: datetime, attached: Mapping[str, Any] | str) -> bytes:
    """The PDF of a typst layout with the content; `attached` is embedded as a JSON file, a text as it is.

    Same data, same bytes.

    `Unprintable` names the characters that cannot be shown, `NotPrinted` says whatever else went wrong.
    """
    job = {"layout": str(layout), "content": plain(content), "attached": attached, "at": at.timestamp()}
    # Its own interpreter, with no environment to speak of: it needs neither settings nor secrets.
    command = [sys.executable, "-s", "-m", "portal.printing.program"]
    try:
        done = subprocess.run(
            command, input=json.dumps(job).encode(), capture_output=True, timeout=SECONDS, env={}, cwd=ROOT, check=False
        )
    except subprocess.TimeoutExpired:
        raise TookTooLong(f"Printing took longer than {SECONDS:.0f} seconds and was stopped.") from None
    if done.returncode == CANNOT_SHOW:
        raise Unprintable(json.loads(done.stdout))
    if done.returncode != 0:
        level = logging.WARNING if done.returncode == FAILED else logging.ERROR
        said = done.stderr[-2_000:].decode(errors="replace")
        log.log(level, "Printing %s ended with %s: %s", layout.name, done.returncode, said)
        raise NotPrinted("This could not be printed; what went wrong is in the log.")
    return done.stdout


def print_spelt_out(layout: Path, content: Any, *, at: datetime, attached: Mapping[str, Any] | str) -> bytes:
    """The same for a document that must come out: what no font shows stands as its code point, such as [U+1F600]."""
    for _ in range(2):
        try:
            return print_pdf(layout, content, at=at, attached=attached)
        except Unprintable as error:
            content = _spelt(content, error.characters)
        except TookTooLong:
            raise
        except NotPrinted:
            break
    # The letters of ASCII are shown always, and in every order.
    content = _spelt(content, {char for char in _text(content) if not char.isascii()})
    return print_pdf(layout, content, at=at, attached=attached)


def plain(value: Any) -> Any:
    """The value with composed letters, and without the control characters that no paper shows."""
    if isinstance(value, str):
        composed = unicodedata.normalize("NFC", value.replace("\r\n", "\n"))
        return "".join(char for char in composed if char in "\n\t" or unicodedata.category(char) not in _UNSEEN)
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def _spelt(content: Any, characters: Iterable[str]) -> Any:
    points = {ord(char): f"[U+{ord(char):04X}]" for char in characters}
    return json.loads(_text(content).translate(points))


def _text(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False)
