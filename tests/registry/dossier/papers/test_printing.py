"""The papers as PDF, read anew by another library: PDF/A-3a in every part that it can tell, and every word there."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from pypdf import PdfReader

from portal.errors import Conflict
from registry.dossier.papers.definitions import BY_ID, WHOLE
from registry.dossier.papers.printing import pdf_of
from tests.registry.dossier.papers.contents import SIGNED, content, said, statement

PDFA = "{http://www.aiim.org/pdfa/ns/id/}"


def read(**shape: Any) -> PdfReader:
    """A paper of the content made by hand."""
    return PdfReader(io.BytesIO(pdf_of(said(), **shape)))


def words(pdf: PdfReader) -> str:
    """All its words on one line."""
    return " ".join(" ".join(page.extract_text() for page in pdf.pages).split())


def _roles(element: Any) -> Iterator[str]:
    """What the parts of a tagged document are."""
    element = element.get_object()
    if isinstance(element, list):
        for part in element:
            yield from _roles(part)
    elif isinstance(element, dict) and "/S" in element:
        yield element["/S"]
        yield from _roles(element["/K"]) if "/K" in element else ()


@pytest.fixture(scope="module")
def german() -> PdfReader:
    return read(language="de", signing=SIGNED)


@pytest.fixture(scope="module")
def annex() -> PdfReader:
    return read(paper=BY_ID["annex-iv"])


def test_it_says_that_it_is_pdf_a_3a_and_keeps_what_that_asks(german: PdfReader) -> None:
    root = german.trailer["/Root"]
    packet = root["/Metadata"].get_object().get_data().decode().strip()
    described = ElementTree.fromstring(packet.split("?>", 1)[1].rsplit("<?", 1)[0])  # noqa: S314 - our own
    assert [next(described.iter(f"{PDFA}{name}")).text for name in ("part", "conformance")] == ["3", "A"]
    assert root["/OutputIntents"][0].get_object()["/S"] == "/GTS_PDFA1"
    assert root["/OutputIntents"][0].get_object()["/DestOutputProfile"].get_object().get_data()
    # Level A: tagged, in a language, and nothing that runs or reaches out.
    assert (root["/Lang"], root["/MarkInfo"]["/Marked"]) == ("de", True)
    assert {"/H1", "/H3", "/TOC", "/P", "/L", "/TH", "/TD", "/Link"} <= set(_roles(root["/StructTreeRoot"]["/K"]))
    assert not {"/OpenAction", "/AA", "/AcroForm"} & set(root) and "/JavaScript" not in root.get("/Names", {})
    assert not german.is_encrypted and german.trailer["/ID"]


def test_every_font_is_embedded_and_can_be_read_back(german: PdfReader) -> None:
    seen = set()
    for page in german.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            font = font.get_object()
            descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
            assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor), font["/BaseFont"]
            assert "/ToUnicode" in font
            seen.add(font["/BaseFont"])
    assert len(seen) >= 3


def test_the_content_is_embedded_as_it_was_signed(german: PdfReader) -> None:
    (file,) = german.trailer["/Root"]["/AF"]
    assert file.get_object()["/AFRelationship"] == "/Source"
    embedded = german.attachments["dossier.json"][0]
    assert embedded == said()
    assert hashlib.sha256(embedded).hexdigest() in words(german)


def test_same_content_same_bytes() -> None:
    made = [pdf_of(said(), paper=BY_ID["accuracy"], language="de") for _ in range(2)]
    assert made[0] == made[1] != pdf_of(said(), paper=BY_ID["accuracy"], language="de", signing=SIGNED)


def test_each_page_says_whether_it_is_signed_and_which_it_is(annex: PdfReader, german: PdfReader) -> None:
    signed = "Dossier 3, unterzeichnet von clara, lena am 27. November 2026"
    for pdf, standing in ((annex, "Draft, not signed"), (german, signed)):
        for number, page in enumerate(pdf.pages, 1):
            text = " ".join(page.extract_text().split())
            assert standing in text, number
            assert f"{number} / {len(pdf.pages)}" in text
            assert "d" * 64 in text  # the root of the trail, on one line


def test_who_signed_in_spite_of_what_is_on_the_cover(german: PdfReader) -> None:
    cover = " ".join(german.pages[0].extract_text().split())
    for line in (
        "Eingefroren von clara am 27. November 2026, 20:20 UTC.",
        "clara Compliance 27. November 2026, 20:30 UTC Complete.",
        "Unterzeichnet, obwohl Pflichtpunkte offen sind: 1. Begründung: The declaration follows",
        "Anhang IV Nr. 8",
    ):
        assert line in cover, line


def test_every_state_is_plain_to_see(annex: PdfReader) -> None:
    text = words(annex)
    for line in (
        "missing There is neither evidence nor a statement.",
        "stale The evidence changed after lena signed on 27 November 2026.",
        "When signed: Version 1 was trained. Now: nothing",
        "not applicable The system is no component of a product. Classified by clara.",
        "filled automatically Filled from live evidence; each sentence leads to it.",
        "The system decided 12,345 times in the last 30 days.",
        "As of 27 November 2026, 20:15 UTC, from audit · https://portal.test/decisions/?system=mortgage",
        "Signed by lena, 27 November 2026, 20:15 UTC (revision 2), for this version",
        "Applies from 2 December 2027, by the text of the law.",
    ):
        assert line in text, line
    assert not re.search(r"\bscore of|\d+ ?% (complete|compliant)", text)


def test_markup_of_people_is_set_as_text(annex: PdfReader) -> None:
    text = words(annex)
    assert "<script>alert(1)</script> #set text(red) $x^2$ @ref" in text
    assert "See the rule (https://example.org/rule) and the page." in text
    assert "Brier 0.09" in text and '{"a": 1}' in text


def test_the_whole_dossier_shows_each_point_once_and_says_where(german: PdfReader) -> None:
    text = words(german)
    assert text.count("Beschreiben Sie ausführlich das Risikomanagementsystem nach Art. 9") == 1
    assert "Dargestellt in „Technische Dokumentation“." in text
    assert "Nicht vollständig. Diese Pflichtfelder sind offen:" in text
    titles = {entry["/Title"] for entry in german.outline if not isinstance(entry, list)}
    assert "Erläuterung der Entscheidungsfindung im Einzelfall" in titles


def test_what_no_font_shows_is_spelt_out_and_long_texts_are_printed() -> None:
    texts = {"annex-iv.4": {"statement": statement(text="Fine \ue123 " + "word " * 19_000)}}
    pdf = PdfReader(io.BytesIO(pdf_of(said(**texts), paper=BY_ID["annex-iv"])))
    assert "Fine [U+E123] word" in words(pdf)


ODD = (
    "Ελληνικά 中文 العربية \x00\x07\u202e",
    f"[x](http://a b) [y](javascript:alert(1)) <http://e.org/{'a' * 2_000}> ![alt](http://x/y.png)",
    "\n".join("  " * depth + "- deep" for depth in range(60)),
    "> " * 60 + "quoted",
    "|a|b|\n|-|-|\n|1|\n|1|2|3|",
    "|" + "a|" * 40 + "\n|" + "-|" * 40,
    "999999999. far\n\n0. none",
    '<img src=x onerror=alert(1)> #import "x.typ" #read("/etc/passwd") \\u{41} `#raw`',
)


def test_no_text_of_a_person_stops_the_press() -> None:
    written = {item: {"statement": statement(text)} for item, text in zip(BY_ID["annex-iv"].items, ODD, strict=False)}
    text = words(PdfReader(io.BytesIO(pdf_of(said(**written), paper=BY_ID["annex-iv"]))))
    assert '<img src=x onerror=alert(1)> #import "x.typ" #read("/etc/passwd")' in text
    for shown in ("Ελληνικά", "[y](javascript:alert(1))", "deep", "quoted", "999999999. far"):
        assert shown in text, shown


def test_a_system_without_version_and_an_unfinished_signing_are_printed_too() -> None:
    bare = json.dumps({**content(), "version": None, "trail": None}).encode()
    unsigned = {**SIGNED, "state": "declined", "signatures": [{**SIGNED["signatures"][0], "signed_at": None}]}
    pdf = PdfReader(io.BytesIO(pdf_of(bare, paper=BY_ID["explanation"], signing=unsigned)))
    cover = " ".join(pdf.pages[0].extract_text().split())
    assert "Mortgage decisions, no version yet" in cover and "No head of the log is signed yet." in cover
    assert "Dossier 3, ended without all signatures" in cover and "clara compliance not signed" in cover


def test_what_takes_too_long_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.printing.press.SECONDS", 0.01)
    with pytest.raises(Conflict, match="longer than"):
        pdf_of(said(), paper=WHOLE)
