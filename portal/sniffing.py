"""What a file from outside is, by its content alone; what its name or the browser says counts for nothing. Pure."""

from __future__ import annotations

import re
import unicodedata

MAX_BYTES = 5 * 1024 * 1024
WORDS = "PDF, PNG, JPEG or plain text"
_UNPRINTABLE = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_ENDINGS = {"application/pdf": ".pdf", "image/png": ".png", "image/jpeg": ".jpg", "text/plain": ".txt"}


def media_type_of(content: bytes) -> str | None:
    """The media type of one of the four kinds that cases take; None for anything else."""
    if content.startswith(b"%PDF-") and b"%%EOF" in content[-2048:]:
        return "application/pdf"
    if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR" and b"IEND" in content[-16:]:
        return "image/png"
    if content.startswith(b"\xff\xd8\xff") and b"\xff\xd9" in content[-64:]:
        return "image/jpeg"
    return "text/plain" if _is_text(content) else None


def plain_name(name: str, media_type: str) -> str:
    """The file's name without folders and control characters, at most 120 characters, with the ending of its kind."""
    base = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    base = "".join(char for char in base if unicodedata.category(char)[0] != "C").strip(" .")
    ending = _ENDINGS[media_type]
    stem = base[: -len(ending)] if base.lower().endswith(ending) else base
    return f"{stem[:120] or 'file'}{ending}"


def _is_text(content: bytes) -> bool:
    if not content.strip() or _UNPRINTABLE.search(content):
        return False
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    # What a browser could take for a page or a script is no plain text, and half a PDF is none either.
    return not re.match(r"\s*(<!doctype|<html|<\?xml|<svg|<script|%PDF-)", text, re.IGNORECASE)
