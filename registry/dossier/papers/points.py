"""One point of the law on paper: what is asked, in which state it is, and everything that fills it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from portal.templatetags.portal_tags import who
from registry.dossier.papers.statements import blocks_of
from registry.dossier.papers.wording import LawWords, Wording
from registry.dossier.states import PointState

Item = Mapping[str, Any]
Block = dict[str, Any]
# What nobody has to do anything about; for a form it counts as filled.
SETTLED = (PointState.AUTO, PointState.STATEMENT, PointState.NOT_APPLICABLE)


def state_words(state: str) -> str:
    """A state in words."""
    return _(PointState(state).label)


def is_open(item: Item) -> bool:
    """Whether the point is mandatory, binds, and is not settled."""
    return bool(item["mandatory"]) and PointState(item["state"]) not in SETTLED


class Pages:
    """Sets points for one content in one language."""

    def __init__(self, content: Mapping[str, Any], wording: Wording) -> None:
        self.wording: Wording = wording
        self.law: LawWords = wording.law(content)
        self._origin = str(content["origin"]).rstrip("/")

    def name(self, item: Item) -> str:
        """Reference and title in one line."""
        return f"{self.law.of(item, 'ref')}  {self.law.of(item, 'title')}"

    def point(self, item: Item, elsewhere: str = "") -> Block:
        """The point as a block; with `elsewhere` only where it is shown."""
        block: Block = {
            "kind": "point",
            "id": item["id"],
            "ref": self.law.of(item, "ref"),
            "title": self.law.of(item, "title"),
            "state": item["state"],
            "state_words": state_words(item["state"]),
        }
        if elsewhere:
            return {**block, "elsewhere": _("Shown in “%(paper)s”.") % {"paper": elsewhere}}
        if item["state"] == PointState.NOT_APPLICABLE:
            # Its reason is in the state's own words already.
            signed = self._signed(item) if (item["statement"] or {}).get("text") else {}
            return {**block, "why": self._why(item), **signed}
        return {
            **block,
            "why": self._why(item),
            "asks": self.law.of(item, "asks"),
            "meta": " ".join(self._meta(item)),
            "facts": [self._fact(fact) for fact in item["facts"]],
            "shifts": [self._shift(shift) for shift in item["shifts"]],
            "withdrawn": [self._withdrawn(paper) for paper in item["documents"] if paper["withdrawn"]],
            **self._signed(item),
            "comments": [self._said(comment, _("Comment by %(author)s, %(at)s")) for comment in item["comments"]],
        }

    def _why(self, item: Item) -> str:
        why = item["why"]
        values = dict(why["values"])
        if "lacking" in values:
            values["lacking"] = self.law.lacking(values["lacking"])
        return self.wording.say(why["words"], values)

    def _meta(self, item: Item) -> Iterator[str]:
        bound = item["applicability"]
        yield self.wording.reason(bound["reason"])
        yield self._dates(bound)
        if item["condition"]:
            yield _("Condition: %(condition)s.") % {"condition": self.law.text(item["condition"]).rstrip(".")}
        if item["note"]:
            yield self.law.text(item["note"])

    def _dates(self, bound: Mapping[str, Any]) -> str:
        day, formal = (self.wording.day(bound[name]) for name in ("applies_from", "formal_from"))
        if not bound["applies_from"]:
            return _("No day is set from which it applies.")
        basis = {
            "text": _("by the text of the law"),
            "reading": _("by our reading, which a lawyer should confirm"),
            "unsettled": _("which is contested"),
        }[bound["basis"]]
        if bound["formal_from"] and bound["formal_from"] != bound["applies_from"]:
            words = _("Applies from %(day)s, %(basis)s; by the letter since %(formal)s.")
            return words % {"day": day, "basis": basis, "formal": formal}
        return _("Applies from %(day)s, %(basis)s.") % {"day": day, "basis": basis}

    def _fact(self, fact: Mapping[str, Any]) -> Block:
        origin = _("As of %(at)s, from %(source)s") % {
            "at": self.wording.moment(fact["as_of"]),
            "source": self.wording.value(who(fact["source"])),
        }
        url = fact["url"] if "://" in fact["url"] else f"{self._origin}{fact['url']}" if fact["url"] else ""
        return {"sentence": self.wording.say(fact["words"], fact["values"]), "origin": origin, "url": url}

    def _shift(self, shift: Mapping[str, Any]) -> Block:
        nothing = _("nothing")
        return {
            "before": _("When signed: %(before)s") % {"before": shift["before"] or nothing},
            "after": _("Now: %(after)s") % {"after": shift["after"] or nothing},
        }

    def _withdrawn(self, paper: Mapping[str, Any]) -> str:
        said = {**paper["withdrawn"], "title": paper["title"], "at": self.wording.day(paper["withdrawn"]["at"])}
        return _("“%(title)s” was withdrawn by %(by)s on %(at)s: %(reason)s") % said

    def _signed(self, item: Item) -> Block:
        statement = item["statement"]
        if not statement or not (statement["text"] or statement["reason"]):
            return {}
        head = {
            "override": _("Instead of what the registry says: signed by %(author)s, %(at)s (revision %(revision)s)"),
            "not_applicable": _("Not applicable: signed by %(author)s, %(at)s (revision %(revision)s)"),
        }.get(statement["kind"], _("Signed by %(author)s, %(at)s (revision %(revision)s)"))
        return {"statement": self._said(statement, head)}

    def _said(self, statement: Mapping[str, Any], head: str) -> Block:
        values = {**statement, "at": self.wording.moment(statement["signed_at"])}
        reach = _("for all versions") if statement["for_all_versions"] else _("for this version")
        reason = _("Reason: %(reason)s") % statement if statement["reason"] else ""
        return {
            "head": f"{head % values}, {reach}",
            "reason": reason,
            "text": statement["text"],
            "blocks": blocks_of(statement["text"]),
        }
