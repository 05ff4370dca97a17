"""A paper as data: what stands on its cover, what it holds in order; for the layout and for Markdown alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from registry.dossier.papers.definitions import WHOLE, Paper, papers_of
from registry.dossier.papers.points import Pages, is_open, state_words
from registry.dossier.papers.tables import table_blocks
from registry.dossier.papers.wording import Wording
from registry.dossier.states import PointState

Block = dict[str, Any]
Content = Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """What a paper is made from: the content, the digest of its bytes, and who signed it (None: a draft)."""

    content: Content
    sha256: str
    signing: Mapping[str, Any] | None = None


def document_of(source: Source, paper: Paper, wording: Wording) -> dict[str, Any]:
    """The paper in the language of `wording`."""
    content, pages = source.content, Pages(source.content, wording)
    every = papers_of(item["id"] for item in content["items"])
    parts = every if paper is WHOLE else tuple(each for each in every if each.id == paper.id) or (paper,)
    blocks = [*_reading(), *_glance(content, parts, pages)]
    shown: dict[str, str] = {}
    for part in parts:
        blocks += _part(content, part, pages, shown, breaks=paper is WHOLE)
    return {
        "title": _(paper.title),
        "basis": _(paper.basis),
        "subject": _subject(content),
        "language": wording.code,
        "lede": _(paper.lede),
        "standing": standing_words(source, wording),
        "contents": _("Contents"),
        "facts": [list(row) for row in _cover(source, paper, pages)],
        "signed": list(_signatures(source, pages)),
        "footer": _footer(source, wording),
        "blocks": blocks,
        "words": {"asks": _("What is asked"), "instead": _("What changed since it was signed")},
    }


def standing_words(source: Source, wording: Wording) -> str:
    """Whether it is a draft or signed, and by whom: on every page."""
    signing = source.signing
    if signing is None:
        return _("Draft, not signed")
    number = {"number": signing["number"]}
    if signing["state"] == "complete":
        names = ", ".join(signature["name"] for signature in signing["signatures"])
        last = max(signature["signed_at"] for signature in signing["signatures"])
        words = _("Dossier %(number)s, signed by %(names)s on %(day)s")
        return words % {**number, "names": names, "day": wording.day(last)}
    if signing["state"] == "proposed":
        return _("Dossier %(number)s, waiting for signatures") % number
    return _("Dossier %(number)s, ended without all signatures") % number


def _subject(content: Content) -> str:
    version = content["version"]
    if version is None:
        return _("%(name)s, no version yet") % content["system"]
    return _("%(name)s, version %(number)s") % {**content["system"], "number": version["number"]}


def _cover(source: Source, paper: Paper, pages: Pages) -> Iterator[tuple[str, str]]:
    content, wording = source.content, pages.wording
    system, version, trail = content["system"], content["version"], content["trail"]
    yield _("AI system"), f"{system['name']} ({system['slug']})"
    yield _("Purpose"), system["purpose"]
    yield _("Owner"), system["owner"]
    if version:
        words = _("%(number)s, registered by %(by)s on %(at)s; %(state)s")
        at, state = wording.moment(version["registered_at"]), wording.value(version["state"])
        said = {"number": version["number"], "by": version["registered_by"], "at": at, "state": state}
        yield _("Version"), words % said
        yield _("Artifact (SHA-256)"), version["artifact_sha256"]
    since = _("in force from %(day)s") % {"day": wording.day(content["regulation"]["in_force_from"])}
    yield _("Law"), f"{pages.law.title}\n{since}"
    yield _("For whom"), _(paper.reader)
    yield _("As of"), wording.moment(content["made_at"])
    embedded = _("of dossier.json, which is embedded in this file")
    yield _("Content (SHA-256)"), f"{source.sha256}\n{embedded}"
    yield _("Trail"), _trail(trail, wording)


def _trail(trail: Mapping[str, Any] | None, wording: Wording) -> str:
    if trail is None:
        return _("No head of the log is signed yet.")
    words = _("%(size)s entries, root %(root)s, signed by %(origin)s (key %(key_id)s) on %(at)s")
    return words % {**trail, "size": wording.value(trail["size"]), "at": wording.moment(trail["at"])}


def _footer(source: Source, wording: Wording) -> list[str]:
    trail = source.content["trail"]
    content = _("content")
    first = f"Countersign · {_subject(source.content)} · {content} {source.sha256[:16]}"
    if trail is None:
        return [first, _("No head of the log is signed yet.")]
    words = _("Trail: %(size)s entries · root %(root)s · key %(key_id)s")
    return [first, words % {**trail, "size": wording.value(trail["size"])}]


def _reading() -> list[Block]:
    words = (
        _("Sentences without a signature come from registry and trail, each with its source, time and address."),
        _("What is missing is shown as missing; nothing is filled up with words. There is no overall score."),
        _("What people wrote, what a check put down, and how evidence read when signed, stays in its own language."),
        _("What is asked is said in our own words; the Official Journal holds the text of the law."),
    )
    return [_heading(_("How to read this paper"), 1), {"kind": "list", "items": list(words)}]


def _signatures(source: Source, pages: Pages) -> Iterator[Block]:
    """Who froze and signed it, and which mandatory points were open in spite of that."""
    signing, wording = source.signing, pages.wording
    if signing is None:
        return
    frozen = {"by": signing["proposed_by"], "at": wording.moment(signing["proposed_at"])}
    yield {"kind": "strong", "text": _("Signatures")}
    yield {"kind": "text", "text": _("Frozen by %(by)s on %(at)s.") % frozen}
    rows = [
        [
            signature["name"],
            wording.value(signature["role"]),
            wording.moment(signature["signed_at"]) if signature["signed_at"] else _("not signed"),
            signature["statement"],
        ]
        for signature in signing["signatures"]
    ]
    columns = [_("Name"), _("Role"), _("Signed"), _("Statement")]
    yield {"kind": "table", "columns": columns, "rows": rows, "widths": ["auto", "auto", "auto", "1fr"]}
    if signing["gaps"]:
        words = _("Signed although mandatory points are open: %(count)s. Reason: %(reason)s")
        yield {"kind": "text", "text": words % {"count": len(signing["gaps"]), "reason": signing["reason"]}}
        refs = [pages.law.of({"id": gap["item"], "ref": gap["ref"]}, "ref") for gap in signing["gaps"]]
        yield {"kind": "note", "text": "; ".join(refs)}


def _glance(content: Content, parts: tuple[Paper, ...], pages: Pages) -> Iterator[Block]:
    """The states up front: of each point, or, of the whole dossier, how many points of each paper."""
    items = _by_id(content)
    yield {**_heading(_("The points by state"), 1), "breaks": len(parts) > 1}
    if len(parts) == 1:
        found = [items[item] for item in parts[0].items if item in items]
        rows = [[pages.law.of(item, "ref"), pages.law.of(item, "title"), state_words(item["state"])] for item in found]
        yield {
            "kind": "table",
            "columns": [_("Point"), _("Title"), _("State")],
            "rows": rows,
            "widths": ["1fr", "2fr", "auto"],
            "states": [item["state"] for item in found],
        }
        return
    rows = []
    for part in parts:
        counted = Counter(items[item]["state"] for item in part.items if item in items)
        rows.append([_(part.title), *(str(counted[state]) if counted[state] else "–" for state in PointState)])
    columns = [_("Paper"), *(state_words(state) for state in PointState)]
    yield {"kind": "table", "columns": columns, "rows": rows, "widths": ["2fr", *["1fr"] * len(PointState)]}
    yield {"kind": "note", "text": _("A point that stands in several papers is counted in each.")}


def _part(content: Content, paper: Paper, pages: Pages, shown: dict[str, str], *, breaks: bool) -> Iterator[Block]:
    items, title = _by_id(content), _(paper.title)
    yield {**_heading(title, 1), "basis": _(paper.basis), "breaks": breaks}
    yield {"kind": "text", "text": _(paper.lede)}
    if paper.is_form:
        yield from _form(items, paper, pages)
    for table in paper.tables:
        if table not in shown:
            yield from table_blocks(table, content, pages.wording)
        shown.setdefault(table, title)
    for section in paper.sections:
        found = [items[item] for item in section.items if item in items]
        if section.title and found:
            yield _heading(_(section.title), 2)
        for item in found:
            yield pages.point(item, shown.get(item["id"], ""))
            shown.setdefault(item["id"], title)


def _form(items: Mapping[str, Any], paper: Paper, pages: Pages) -> Iterator[Block]:
    lacking = [items[item] for item in paper.items if item in items and is_open(items[item])]
    if not lacking:
        yield {"kind": "strong", "text": _("Complete: every mandatory field that applies is filled.")}
        return
    yield {"kind": "strong", "text": _("Not complete. These mandatory fields are not settled:")}
    yield {"kind": "list", "items": [f"{pages.name(item)}: {state_words(item['state'])}" for item in lacking]}


def _by_id(content: Content) -> dict[str, Mapping[str, Any]]:
    return {item["id"]: item for item in content["items"]}


def _heading(text: str, level: int) -> Block:
    return {"kind": "heading", "text": text, "level": level}
