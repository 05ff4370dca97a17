"""Every point of the law stands in a paper, and every word of the law's data has its German."""

from __future__ import annotations

import hashlib
import json
from collections import Counter

import pytest

from registry.dossier.papers.definitions import BY_ID, FURTHER, PAPERS, WHOLE
from registry.dossier.papers.printing import text_of
from registry.dossier.papers.wording import overlay
from tests.registry.dossier.papers.contents import LAW, content, said

law = json.loads(LAW.read_bytes())


def test_every_point_of_the_law_stands_in_a_paper() -> None:
    shown = {item for paper in PAPERS for item in paper.items}
    assert shown == {point["id"] for point in law["requirements"]}
    assert all(Counter(paper.items).most_common(1)[0][1] == 1 for paper in PAPERS)
    assert len(BY_ID) == len(PAPERS) + 1


def test_what_a_later_law_adds_is_not_left_out() -> None:
    later = content()
    later["items"].append(
        {**later["items"][0], "id": "art-99.1", "ref": "Art 99(1)", "title": "Later", "asks": "Do it."}
    )
    for paper in (WHOLE, FURTHER):
        text = text_of(json.dumps(later).encode(), paper=paper, language="de")
        assert "Weitere Punkte des Rechts" in text and "#### Art 99(1) Later" in text
    assert FURTHER.title not in text_of(said(), paper=WHOLE, language="en")


def test_annex_iv_is_in_the_order_of_the_law() -> None:
    numbers = [item.split(".")[1] for item in BY_ID["annex-iv"].items]
    assert numbers == sorted(numbers) and list(dict.fromkeys(numbers))[:-1] == list("123456789")


def test_the_whole_law_is_there_in_german() -> None:
    german_law = overlay(law["in_force_from"], "de")
    for point in law["requirements"]:
        german = german_law["requirements"][point["id"]]
        assert german["ref"] and german["title"] and german["asks"]
        # `of` is what was translated: whoever changes the English looks at the German, then renews it.
        english = hashlib.sha256(f"{point['title']}\n{point['asks']}".encode()).hexdigest()[:16]
        assert german["of"] == english, point["id"]
        for text in filter(None, (point["condition"], point.get("note"))):
            assert german_law["texts"][text], text
    assert set(german_law["requirements"]) == {point["id"] for point in law["requirements"]}
    assert set(german_law["groups"]) == {group["id"] for group in law["groups"]}
    assert {each["title"] for each in law["evidence"].values()} <= set(german_law["evidence"])


@pytest.mark.parametrize(
    "item, ref",
    [
        ("annex-iv.2.g", "Anhang IV Nr. 2 Buchst. g"),
        ("art-13.3.b.iv", "Art. 13 Abs. 3 Buchst. b Ziff. iv"),
        ("annex-viii.b.8", "Anhang VIII Abschnitt B Nr. 8"),
        ("art-4a.1.f", "Art. 4a Abs. 1 Buchst. f (neu)"),
    ],
)
def test_references_keep_the_official_numbers(item: str, ref: str) -> None:
    assert overlay(law["in_force_from"], "de")["requirements"][item]["ref"] == ref
