"""The law as data: the file that is loaded, what a later one must hold, and what the two differ in."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from portal.errors import Invalid
from registry.dossier.differences import words_between
from registry.dossier.regulation import difference, read_law
from registry.models import Regulation

NOT_MOVED = (
    *("annex-v.", "annex-viii.", "art-43", "art-47", "art-48", "art-49", "art-72", "art-73"),
    *("art-75", "art-86"),
)
LAW = Path(__file__).parents[3] / "registry" / "dossier" / "law" / "2026-07-27.json"


def law() -> dict[str, Any]:
    """The law's file, to be changed at will."""
    return json.loads(LAW.read_bytes())


def written(law: dict[str, Any]) -> bytes:
    """The file again."""
    return json.dumps(law).encode()


def test_the_law_in_the_database_is_the_file(db: None):
    said, loaded = read_law(LAW.read_bytes()), Regulation.objects.get()
    assert (loaded.sha256, loaded.in_force_from) == (said.sha256, said.in_force_from)
    rows = list(loaded.requirements.all())
    assert [row.item for row in rows] == [point["id"] for point in said.said["requirements"]]
    for row, point in zip(rows, said.said["requirements"], strict=True):
        assert {name: getattr(row, name) for name in point if name != "id"} == {
            name: value for name, value in point.items() if name != "id"
        }


def test_no_trap_is_in_the_law():
    points = {point["id"]: point for point in law()["requirements"]}
    # Section 5 and Chapter IX were not moved: both dates, and that ours is a reading.
    for item, point in points.items():
        is_behind = item.startswith(NOT_MOVED)
        dates = point["applies_from"]
        assert (dates["formal_from"] == "2026-08-02") == is_behind, item
        assert (dates["basis"] == "text") == (dates["formal_from"] is None), item
    assert {item for item, point in points.items() if point["applies_from"]["basis"] == "unsettled"} == {
        f"annex-viii.b.{number}" for number in (1, 2, 3, 4, 5, 6, 8)
    }
    # Art. 10(5) is gone, the list of Section B jumps from 6 to 8, and lettering is the law's own.
    assert not any(item.startswith("art-10.5") for item in points)
    assert points["annex-viii.c.5"]["condition"].endswith("cites Art 26(8) but the DPIA link sits in Art 26(9)")
    assert [points[item]["deadline"]["max_days"] for item in ("art-73.2", "art-73.3", "art-73.4")] == [15, 2, 10]
    assert points["art-4"]["applies_from"]["others"] == "2025-02-02"
    assert points["art-50.1"]["applies_from"]["others"] == "2026-08-02"
    assert "except" not in points["art-12.3"]["asks"] and "1(a)" in points["art-12.3"]["condition"]


@pytest.mark.parametrize(
    "harm, path, words",
    [
        (lambda law: law.pop("version"), "", "'version' is a required property"),
        (lambda law: law["requirements"][0].update(written_by="robot"), "requirements.0.written_by", "is not one of"),
        (lambda law: law["requirements"][1].update(id="annex-iv.1.a"), "requirements.1.id", "is given twice"),
        (lambda law: law["requirements"][0].update(group="x"), "requirements.0.group", "is none of the groups"),
        (
            lambda law: law["requirements"][0]["evidence_from"].append("no.key"),
            "requirements.0.evidence_from",
            "is not among",
        ),
        (lambda law: law["requirements"][2].update(needs=[]), "requirements.2.needs", "must name"),
        (
            lambda law: law["requirements"][0]["applies_from"].update(annex_iii="2027-13-45"),
            "requirements.0.applies_from.annex_iii",
            "is not a 'date'",
        ),
    ],
)
def test_a_law_that_does_not_hold_together_is_refused_by_its_place(harm: Any, path: str, words: str):
    said = law()
    harm(said)
    with pytest.raises(Invalid) as refused:
        read_law(written(said))
    assert refused.value.details[0].path == path and words in refused.value.details[0].problem


def later(tmp_path: Path) -> Path:
    """A later law: one point gone, one new, one with other words."""
    said = law()
    said |= {"version": "2024/1689 as amended by 2030/1", "title": "A later law", "in_force_from": "2030-01-01"}
    gone, changed = said["requirements"].pop(0), said["requirements"][0]
    changed["asks"] = changed["asks"].replace("hardware or software", "machines or software")
    said["requirements"].append({**copy.deepcopy(gone), "id": "art-99.1", "title": "New"})
    file = tmp_path / "later.json"
    file.write_bytes(written(said))
    return file


def test_a_later_law_is_loaded_once_and_differs_visibly(db: None, tmp_path: Path, capsys: Any):
    file = later(tmp_path)
    call_command("load_regulation", str(file))
    call_command("load_regulation", str(file))
    assert "1 added, 1 removed, 1 changed" in capsys.readouterr().out
    old, new = Regulation.objects.order_by("in_force_from")
    found = difference(old.requirements.all(), new.requirements.all())
    assert [row.item for row in found.added] == ["art-99.1"]
    assert [row.item for row in found.removed] == ["annex-iv.1.a"]
    [(row, [change])] = found.changed
    assert row.item == "annex-iv.1.b" and change.title == "What is asked"
    assert [(part.kind, part.text.strip()) for part in change.words if part.kind != "same"] == [
        ("gone", "hardware"),
        ("new", "machines"),
    ]
    # Other bytes under the same name are another law.
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(CommandError, match="is loaded already, with other contents"):
        call_command("load_regulation", str(file))
    with pytest.raises(CommandError, match="not JSON"):
        file.write_bytes(b"{")
        call_command("load_regulation", str(file))
    assert Regulation.objects.count() == 2


@pytest.mark.parametrize(
    "statement",
    [
        "update registry_requirement set asks = 'less'",
        "delete from registry_requirement",
        "update registry_regulation set in_force_from = '2020-01-01'",
        "delete from registry_regulation",
        "truncate registry_requirement cascade",
    ],
)
def test_nobody_changes_a_law_that_was_loaded(owner: Any, statement: str):
    for role in ("set role countersign_app", "reset role"):
        owner.execute(role)
        with pytest.raises(Exception, match=r"stays|permission denied"):
            owner.execute(statement)
        owner.rollback()


def test_words_of_a_diff_are_the_texts_again():
    one, other = "The system scores people. Nobody else.", "The  system scores loans, and people."
    found = words_between(one, other)
    assert "".join(part.text for part in found if part.kind != "new") == one
    assert "".join(part.text for part in found if part.kind != "gone") == other
