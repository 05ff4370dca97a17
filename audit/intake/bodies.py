"""The body of a request, line by line as it arrives: bounded in bytes, packed or not. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

MAX_BODY = 64 * 1024 * 1024
MAX_LINE = 1024 * 1024
MAX_LINES = 100_000
_PIECE = 256 * 1024
_TOO_MANY = f"A request holds at most {MAX_LINES:,} lines; nothing from here on was read."
_TOO_LONG = f"A request holds at most {MAX_BODY // 1024**2} MiB; nothing from here on was read."


class CutOff(Exception):
    """The body ended before it was whole, or is not packed as its header says."""


class Line(NamedTuple):
    """One line that is not blank: its number from 1, and its bytes or why there are none."""

    number: int
    content: bytes | None
    problem: str = ""


def pieces_of(read: Callable[[int], bytes], *, length: int | None, is_packed: bool) -> Iterator[bytes]:
    """The body, unpacked; `CutOff` when the caller hung up or the packing (gzip) is broken.

    `length` is what the caller announced, None where it announced nothing. Never more than a piece is unpacked at
    once, so a body that blows up is stopped by whoever counts.
    """
    raw = _read(read, length)
    return _unpacked(raw) if is_packed else raw


def lines_of(pieces: Iterable[bytes]) -> Iterator[Line]:
    """The lines. One that is too long is named and skipped; where the body is too long, a last one says so."""
    rest, number, taken, skips = b"", 0, 0, False
    for piece in pieces:
        taken += len(piece)
        *ended, rest = (rest + piece).split(b"\n")
        for content in ended:
            number += 1
            if number > MAX_LINES:
                yield Line(number, None, _TOO_MANY)
                return
            if not skips and content.strip():
                yield _line(number, content)
            skips = False
        if taken > MAX_BODY:
            yield Line(number + 1 + skips, None, _TOO_LONG)
            return
        if len(rest) > MAX_LINE and not skips:
            yield _line(number + 1, rest)
            skips = True
        if skips:
            rest = b""
    if not skips and rest.strip():
        yield _line(number + 1, rest) if number < MAX_LINES else Line(number + 1, None, _TOO_MANY)


def _line(number: int, content: bytes) -> Line:
    if len(content) > MAX_LINE:
        return Line(number, None, f"The line is longer than {MAX_LINE // 1024**2} MiB.")
    return Line(number, content)


def _read(read: Callable[[int], bytes], length: int | None) -> Iterator[bytes]:
    taken = 0
    try:
        while piece := read(_PIECE):
            taken += len(piece)
            yield piece
    except OSError:
        raise CutOff("The body broke off.") from None
    if length is not None and taken < length:
        raise CutOff(f"The body broke off after {taken:,} of {length:,} bytes.")


def _unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    member, has_begun = zlib.decompressobj(wbits=31), False
    try:
        for piece in pieces:
            packed = piece
            while packed:
                if member.eof:
                    # A file of several members is one file (RFC 1952 §2.2).
                    member = zlib.decompressobj(wbits=31)
                has_begun = True
                if unpacked := member.decompress(packed, _PIECE):
                    yield unpacked
                packed = member.unused_data if member.eof else member.unconsumed_tail
    except zlib.error:
        raise CutOff("The body is not packed as gzip, as its header says.") from None
    if has_begun and not member.eof:
        raise CutOff("The packed body broke off.")
