"""JSON read strictly: what two parsers could understand differently is refused (RFC 8259 §4, §6; I-JSON, RFC 7493)."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

import orjson

MAX_DEPTH = 32
_DEEPENING = re.compile(rb'["\[\]{}]')
_MAX_INT_DIGITS = 400
_UNSURE = object()


class JsonRefused(ValueError):
    """The bytes are not one unambiguous JSON value; the message says why."""


def parse(body: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """The value in the bytes. `JsonRefused` for NaN, Infinity, numbers beyond a double, duplicate keys,
    lone surrogates, NUL characters, invalid UTF-8, nesting deeper than `max_depth`, or plain bad syntax."""
    value = _parsed_quickly(body, max_depth)
    return _parsed_with_care(body, max_depth) if value is _UNSURE else value


def _parsed_quickly(body: bytes, max_depth: int) -> Any:
    """The value of bytes that hold nothing on which parsers differ, in a third of the time; `_UNSURE` for all others.

    Without escapes every quotation mark begins or ends a key or a text. So there are twice as many of them as keys
    and texts in the value, or more where a key came twice and the parser let the first one go.
    """
    if b"\\" in body or body.count(b"[") + body.count(b"{") > max_depth:
        return _UNSURE
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _UNSURE
    return value if _texts_in(value) * 2 == body.count(b'"') else _UNSURE


def _texts_in(value: Any) -> int:
    """How many keys and texts there are; -1 where a float may have been a long whole number."""
    texts, found = 0, [value]
    for item in found:  # which grows meanwhile
        kind = type(item)
        if kind is str:
            texts += 1
        elif kind is dict:
            texts += len(item)
            found += item.values()
        elif kind is list:
            found += item
        elif kind is float and not -1e18 < item < 1e18:
            return -1
    return texts


def _parsed_with_care(body: bytes, max_depth: int) -> Any:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonRefused(f"The body is not UTF-8 (byte {error.start}).") from None
    # Few brackets cannot nest deeply: counting them takes a hundredth of the time, and is enough for most bodies.
    if body.count(b"[") + body.count(b"{") > max_depth and _depth(body) > max_depth:
        raise JsonRefused(f"The body nests deeper than {max_depth} levels.")
    try:
        value = json.loads(
            text, parse_constant=_constant, parse_float=_float, parse_int=_int, object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        raise JsonRefused(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    # Escapes may hide what decoding the bytes could not show; only bodies with a backslash can hold them.
    if "\\u" in text:
        _refuse_bad_text(value)
    return value


def _depth(body: bytes) -> int:
    """The deepest nesting, without recursion: the parser itself would overflow its stack first."""
    depth = deepest = 0
    in_string = False
    for match in _DEEPENING.finditer(body):
        mark = match.group()
        if mark == b'"':
            if not in_string or not _is_escaped(body, match.start()):
                in_string = not in_string
        elif not in_string:
            depth += 1 if mark in b"[{" else -1
            deepest = max(deepest, depth)
    return deepest


def _is_escaped(body: bytes, position: int) -> bool:
    start = position
    while start and body[start - 1] == 0x5C:
        start -= 1
    return (position - start) % 2 == 1


def _constant(word: str) -> NoReturn:
    raise JsonRefused(f"{word} is not a number in JSON.")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise JsonRefused(f"The number {text[:40]} is too large.")
    return number


def _int(text: str) -> int:
    if len(text) > _MAX_INT_DIGITS:
        raise JsonRefused(f"A number has {len(text)} digits.")
    return int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise JsonRefused(f"The key {key[:80]!r} appears twice.")
            seen.add(key)
    return result


def _refuse_bad_text(value: Any) -> None:
    if isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise JsonRefused("A string holds half of a surrogate pair.")
        if "\x00" in value:
            raise JsonRefused("A string holds a NUL character.")
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_bad_text(key)
            _refuse_bad_text(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_bad_text(item)
