"""What stands in a paper beside the points of the law: the classification, the risks, the incidents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from registry.dossier.papers.definitions import Table
from registry.dossier.papers.wording import Wording

Block = dict[str, Any]
Content = Mapping[str, Any]


def table_blocks(table: Table, content: Content, wording: Wording) -> Iterator[Block]:
    """The blocks of a table; one that has nothing to show says so."""
    return _TABLES[table](content, wording)


def _classification(content: Content, wording: Wording) -> Iterator[Block]:
    found = content["classification"]
    yield _heading(_("Classification"))
    if found is None:
        yield _text(_("The system is not classified yet, so nothing is ruled out."))
        return
    words = _("Revision %(revision)s, by %(by)s on %(at)s. Reason: %(reason)s")
    yield _text(words % {**found, "at": wording.moment(found["at"])})
    rows = [[wording.value(asked), wording.answer(said)] for asked, said in found["answers"]]
    yield {"kind": "table", "columns": [_("Question"), _("Answer")], "rows": rows, "widths": ["1fr", "1fr"]}


def _risks(content: Content, wording: Wording) -> Iterator[Block]:
    yield _heading(_("Risk register"))
    risks = content.get("risks", [])
    if not risks:
        yield _text(_("No risk is registered."))
        return
    for risk in risks:
        yield {"kind": "strong", "text": f"{risk['number']}. {risk['title']}"}
        yield {"kind": "facts", "rows": [list(row) for row in _risk_rows(risk, wording)]}


def _risk_rows(risk: Mapping[str, Any], wording: Wording) -> Iterator[tuple[str, str]]:
    yield _("Source"), wording.value(risk["source_words"])
    vulnerable = _("People under 18 or otherwise vulnerable are among them.") if risk["is_vulnerable"] else ""
    yield _("Who may be harmed"), " ".join(filter(None, (risk["affected"], vulnerable)))
    yield _("What could happen"), risk["what"]
    scale = _("severity %(severity)s of 5, likelihood %(likelihood)s of 5")
    yield _("Before controls"), scale % risk["before"]
    for control in risk["controls"]:
        evidence = f" ({control['evidence']})" if control["evidence"] else ""
        yield _("Control"), f"{wording.value(control['kind_words'])}: {control['text']}{evidence}"
    yield _("What remains"), scale % risk["residual"]
    yield _("State"), wording.value(risk["state_words"])
    if accepted := risk["accepted"]:
        words = _("%(by)s on %(at)s: %(reason)s")
        yield _("Accepted by"), words % {**accepted, "at": wording.day(accepted["at"])}
    if risk["review_due_on"]:
        yield _("Next review"), wording.day(risk["review_due_on"])


def _incidents(content: Content, wording: Wording) -> Iterator[Block]:
    yield _heading(_("Incidents of the system"))
    cases = content["incidents"]
    if not cases:
        yield _text(_("No case was opened."))
        return
    columns = [_("Case"), _("Kind"), _("State"), _("Became aware"), _("Due"), _("Reported")]
    rows = [
        [
            str(case["number"]),
            wording.value(case["kind_words"]),
            wording.value(case["state"].replace("_", " ")),
            wording.moment(case["aware_at"]),
            wording.moment(case["due_at"]),
            f"{wording.moment(case['reported_at'])}, {case['authority']}" if case["reported_at"] else _("not reported"),
        ]
        for case in cases
    ]
    yield {"kind": "table", "columns": columns, "rows": rows, "widths": ["auto", "1fr", "auto", "1fr", "1fr", "1fr"]}


_TABLES: dict[Table, Callable[[Content, Wording], Iterator[Block]]] = {
    Table.CLASSIFICATION: _classification,
    Table.RISKS: _risks,
    Table.INCIDENTS: _incidents,
}


def _heading(text: str) -> Block:
    return {"kind": "heading", "text": text, "level": 2}


def _text(text: str) -> Block:
    return {"kind": "text", "text": text}
