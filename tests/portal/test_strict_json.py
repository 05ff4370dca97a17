"""JSON that two parsers could understand differently is refused, and every refusal says why."""

from __future__ import annotations

import json
import random
import time

import pytest

from portal.strict_json import _UNSURE, MAX_DEPTH, JsonRefused, _parsed_quickly, _parsed_with_care, parse


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": [1, -0.5, 1e3, true, false, null, "text"]}',
        b" \n[] ",
        b'"\\ud83d\\ude00"',
        '"é€😀"'.encode(),
        b'{"": 1, " ": 2}',
        b"1e-999",
        b"[" * MAX_DEPTH + b"]" * MAX_DEPTH,
        b'["' + b"[" * 500 + b'\\"{"]',
        b'["\\\\", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["]',
    ],
)
def test_plain_json_means_what_it_means_to_everybody(body: bytes) -> None:
    assert parse(body) == json.loads(body)


@pytest.mark.parametrize(
    "body,why",
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"[1,]", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b"01", "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON|not UTF-8"),
        (b'"\x01"', "not JSON"),
        (b"NaN", "NaN is not a number"),
        (b'{"a": Infinity}', "Infinity is not a number"),
        (b"[-Infinity]", "-Infinity is not a number"),
        (b"1e999", "too large"),
        (b"-1e999", "too large"),
        (b"9" * 401, "401 digits"),
        (b'{"a": 1, "a": 1}', "appears twice"),
        (b'{"a": {"b": 1, "\\u0062": 2}}', "'b' appears twice"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udc00": 1}', "surrogate"),
        (b'[{"a": "\\ude00\\ud83d"}]', "surrogate"),
        (b'"\\u0000"', "NUL"),
        (b'{"\\u0000": 1}', "NUL"),
        (b"\xff", "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        ("{}".encode("utf-16"), "not UTF-8"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nests deeper"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "nests deeper"),
        (b"[" * 200_000, "nests deeper"),
    ],
)
def test_what_is_ambiguous_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(JsonRefused, match=why):
        parse(body)


def test_a_hostile_body_costs_no_more_than_its_length() -> None:
    started = time.process_time()
    for body in (b'"' + b"\\" * 1_000_000, b'["' + b'\\"[' * 300_000 + b'"]', b"[" * 1_000_000):
        try:
            parse(body)
        except JsonRefused:
            continue
    assert time.process_time() - started < 5


PIECES = [
    *('{"a":1}', '{"a":"b"}', '{"a":1,"a":2}', '{"a" :1, "a": "x"}', '{"a":{"a":"a","a":"a"}}', '["a","a"]', '{"":""}'),
    *("-0", "-0.0", "0.0", "1e400", "1e-400", "5e-324", "1E5", "18446744073709551616", "-9223372036854775809", "0.1"),
    *('"é"', '"\\""', '"\\u0061"', '"\x7f"', "NaN", "nul", "true", "[]", "{}", "{,}", '{"a":}', "01", "1.", "+1", " "),
]


def test_the_quick_way_means_what_the_careful_way_means() -> None:
    dice, agreed = random.Random(7), 0
    for _ in range(20_000):
        some = [dice.choice(PIECES) for _ in range(dice.randrange(1, 5))]
        text = "[" + ",".join(some) + "]" if dice.random() < 0.7 else '{"k":' + ',"k":'.join(some) + "}"
        body = bytearray(text.encode())
        if dice.random() < 0.3:
            body[dice.randrange(len(body))] = dice.choice(b'"\\:,[]{}0aeE-. \n\x00\xff')
        quick = _parsed_quickly(bytes(body), MAX_DEPTH)
        if quick is _UNSURE:
            continue
        assert repr(quick) == repr(_parsed_with_care(bytes(body), MAX_DEPTH)), bytes(body)
        agreed += 1
    assert agreed > 2_000
