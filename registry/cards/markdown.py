"""A version's card as Markdown, for repositories and wikis."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from registry.cards.differences import may_hold
from registry.cards.queries import METRICS, Card


def markdown_of(card: Card) -> str:
    """The card as CommonMark with tables (GFM); what is unknown is said to be, nothing is left out in silence."""
    parts = (_opening, _answers, _inputs, _measured, _groups, _checklist, _signed)
    return "\n\n".join(part for make in parts if (part := make(card))) + "\n"


def _opening(card: Card) -> str:
    version, system, source = card.version, card.version.system, card.spec.source
    training = card.spec.training_data
    facts = {
        "Purpose": system.purpose,
        "Owner": system.owner,
        "Risk class": f"{system.get_risk_class_display()}{_point(system.annex_iii_point)}",
        "State": version.state,
        "Model": f"{card.spec.model.format}, {card.spec.model.task.replace('_', ' ')}",
        "Artifact SHA-256": f"`{version.artifact_sha256}`",
        "Commit": f"`{source.commit}`" if source and source.commit else "not given",
        "Trained on": f"{training.name or 'unnamed'}, {training.rows or 'unknown'} rows" if training else "not given",
        "Registered": f"{version.registered_at:%Y-%m-%d} by {version.registered_by}",
    }
    lines = [f"- **{name}**: {_plain(value)}" for name, value in facts.items()]
    return f"# {_plain(system.name)}, version {version.number}\n\n" + "\n".join(lines)


def _answers(card: Card) -> str:
    output = card.spec.output
    if output.labels is None:
        return f"## Answer\n\nA number: {_plain(output.name)}."
    words = f"“{output.labels[0]}” or “{output.labels[1]}”"
    told = f"## Answer\n\n{words}; “{output.adverse_label}” from a score of {output.threshold:g}, a probability."
    if output.classes:
        told += f" It is that of the classes {_plain(', '.join(output.adverse_classes))} together,"
        told += f" of {_plain(', '.join(output.classes))}."
    return told


def _inputs(card: Card) -> str:
    rows = [
        (
            item.title,
            f"`{item.name}`",
            may_hold(item),
            _marks({"personal": item.personal, "protected": item.protected, "actionable": item.actionable}),
        )
        for item in card.spec.inputs.features
    ]
    return "## Inputs\n\n" + _table(("input", "name", "may hold", "marks"), rows)


def _measured(card: Card) -> str:
    figures = card.performance
    if not figures:
        return "## Performance\n\nNot measured: there is no evaluation sample."
    rows = [(METRICS[name], _figure(value), _figure(card.claimed.get(name))) for name, value in card.metrics]
    words = f"Recomputed by Countersign on {figures['rows']:,} rows; the sender says that none was trained on."
    return f"## Performance\n\n{words}\n\n" + _table(("metric", "measured", "claimed"), rows)


def _groups(card: Card) -> str:
    groups = card.distribution.get("groups", [])
    rows = [
        (feature["title"], group["value"], group["rows"], _figure(group["positive_rate"]), _figure(feature["ratio"]))
        for feature in groups
        for group in feature["groups"]
    ]
    if not rows:
        return ""
    words = "The ratio is the lowest favourable rate by the highest; four fifths is a common yardstick, not a law here."
    heads = ("protected feature", "group", "rows", "adverse rate", "ratio")
    return f"## Groups that the law protects\n\n{words}\n\n" + _table(heads, rows)


def _checklist(card: Card) -> str:
    rows = [
        (gate.title, gate.verdict, gate.decisive.summary if gate.decisive else "nothing yet") for gate in card.gates
    ]
    return "## Deployment checklist\n\n" + _table(("gate", "verdict", "evidence"), rows)


def _signed(card: Card) -> str:
    rows = [(f"{item.decided_at:%Y-%m-%d}", item.verdict, item.decided_by, item.reason) for item in card.approvals]
    if not rows:
        return "## Approval\n\nNobody has approved it."
    return "## Approval\n\n" + _table(("day", "verdict", "by", "reason"), rows)


def _point(point: str | None) -> str:
    return f", Annex III point {point}" if point else ""


def _marks(marks: dict[str, bool]) -> str:
    return ", ".join(mark for mark, holds in marks.items() if holds)


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) and not isinstance(value, bool) else "–"


def _table(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    lines = [list(heads)]
    lines += [["---"] * len(lines[0]), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    return _plain(value).replace("|", "\\|")


def _plain(value: Any) -> str:
    """One line without markup of its own: what people typed must not become headings or HTML."""
    text = " ".join(str(value).split())
    return text.replace("<", "&lt;").replace(">", "&gt;")
