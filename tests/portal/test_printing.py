"""The press: typst works in a process apart, shows what people type as text, and names what it cannot show."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from explain.letters.services import LAYOUT
from portal.printing import press
from portal.printing.press import NotPrinted, Unprintable, print_pdf, print_spelt_out
from tests.explain.letters.conftest import text_of

LETTER: dict[str, Any] = {
    **{"title": "t", "sender": "s", "recipient": "r", "date": "d", "language": "en", "footer": "f", "blocks": []},
}


def printed(recipient: str, how: Any = print_pdf) -> bytes:
    return how(LAYOUT, {**LETTER, "recipient": recipient}, at=timezone.now(), attached={})


def test_the_same_content_gives_the_same_bytes() -> None:
    at = timezone.now()
    first, second = (print_pdf(LAYOUT, LETTER, at=at, attached={"a": 1}) for _ in range(2))
    assert first == second and first.startswith(b"%PDF-1.7")


def test_controls_and_marks_of_direction_are_left_out() -> None:
    assert "Ada Lovelace" in text_of(printed("A\x07d\u202ea Love\u2028lace\ud800"))


@pytest.mark.parametrize(
    "text, named",
    [("a \U0010ff00 b", "\U0010ff00"), ("\ue123", "\ue123"), ("\u0378\ufdd0", "\u0378\ufdd0"), ("x\u1ab1", "\u1ab1")],
)
def test_characters_that_cannot_be_shown_are_named(text: str, named: str) -> None:
    with pytest.raises(Unprintable, match=f"U\\+{ord(named[0]):04X}") as caught:
        printed(text)
    assert caught.value.characters == named


def test_a_document_that_must_come_out_spells_them() -> None:
    said = text_of(printed("Name \U0010ff00x", print_spelt_out))
    assert "Name [U+10FF00]x" in said


def test_what_makes_the_typesetter_panic_harms_nobody() -> None:
    everything = "".join(map(chr, range(32, 0x2500)))[:3000]
    with pytest.raises(NotPrinted):
        printed(everything)
    assert printed(everything, print_spelt_out).startswith(b"%PDF-1.7")


def test_one_that_hangs_is_stopped(monkeypatch) -> None:
    monkeypatch.setattr(press, "SECONDS", 0.001)
    with pytest.raises(NotPrinted, match="was stopped"):
        printed("Ada")


def test_a_layout_that_is_not_there_is_logged_without_anybodys_words(caplog) -> None:
    with pytest.raises(NotPrinted, match="is in the log"):
        content = {**LETTER, "recipient": "Unmistakable"}
        print_pdf(LAYOUT.with_name("nothing.typ"), content, at=timezone.now(), attached={})
    assert "nothing" in caplog.text and "Unmistakable" not in caplog.text
