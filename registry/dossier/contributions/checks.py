"""What the checks of a version found: its tests, metrics and groups, and the thresholds that may hold it back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.urls import reverse
from django.utils.translation import gettext_noop as _

from registry.cards.queries import METRICS, Card, card_of
from registry.checking.findings import Verdict
from registry.checking.gates import BY_KIND, Level
from registry.checking.policies import policies_for
from registry.checking.queries import GateStatus, newest_run
from registry.dossier.contributions.versions import origin
from registry.dossier.evidence import Fact, Subject, contribute
from registry.models import Version

_CHECKED = (Verdict.PASSED, Verdict.FAILED, Verdict.WAIVED)


def register() -> None:
    """Register what this module fills."""
    for key in ("metrics", "logs", "guardrails", "thresholds"):
        contribute(f"registry.evaluation.{key}", facts)
    contribute("registry.evaluation", facts)
    contribute("registry.fairness_report", facts)


def facts(subject: Subject) -> Iterator[Fact]:
    """Everything that the checklist holds."""
    if subject.version is None:
        return
    card = card_of(subject.version)
    checked = [gate for gate in card.gates if gate.kind in BY_KIND and gate.verdict in _CHECKED]
    for gate in checked:
        values = {"gate": gate.title, "verdict": gate.verdict, "summary": gate.summary}
        words = _("Test “%(gate)s”, %(verdict)s: %(summary)s")
        yield Fact("registry.evaluation", words, values, about=gate.kind, **origin(card.version, gate.decisive))
    yield from _metrics(card)
    yield from _groups(card)
    yield from _runs(card.version)
    yield from _thresholds(card.version, card.gates)


def _metrics(card: Card) -> Iterator[Fact]:
    gate = next((gate for gate in card.gates if gate.kind == "performance"), None)
    if gate is None or not card.metrics:
        return
    named = "; ".join(f"{METRICS[name]} {value:.3f}" for name, value in card.metrics)
    words = _("On %(rows)s rows that were held back: %(metrics)s.")
    values = {"rows": card.performance.get("rows"), "metrics": named}
    yield Fact("registry.evaluation.metrics", words, values, **origin(card.version, gate.decisive, gate.kind))


def _groups(card: Card) -> Iterator[Fact]:
    gate = next((gate for gate in card.gates if gate.kind == "distribution"), None)
    if gate is None:
        return
    for feature in card.distribution.get("groups", []):
        if feature.get("ratio") is None:
            continue
        rates = [
            f"{group['value']} {group['favourable_rate']:.1%}"
            for group in feature["groups"]
            if group.get("favourable_rate") is not None
        ]
        yield Fact(
            "registry.fairness_report",
            _("Favourable answers by “%(feature)s”: %(rates)s; the lowest rate is %(ratio)s of the highest."),
            {"feature": feature["title"], "rates": ", ".join(rates), "ratio": f"{feature['ratio']:.2f}"},
            about=feature["feature"],
            **origin(card.version, gate.decisive, gate.kind),
        )


def _runs(version: Version) -> Iterator[Fact]:
    run = newest_run(version)
    if run is None or run.finished_at is None:
        return
    words = _("The checks ran to their end on %(day)s, asked for by %(by)s: %(done)s gates, each with its figures.")
    values = {
        "day": f"{run.finished_at:%Y-%m-%d %H:%M} UTC",
        "by": run.requested_by.partition(":")[2],
        "done": run.done,
    }
    url = reverse("registry:version", args=[version.system.slug, version.number])
    yield Fact("registry.evaluation.logs", words, values, run.finished_at, "system:checks", url=url)


def _thresholds(version: Version, gates: Sequence[GateStatus]) -> Iterator[Fact]:
    policies = policies_for(version.system.risk_class)
    url = reverse("registry:policy", args=[version.system.risk_class])
    required = [policy for policy in policies.values() if policy.level == Level.REQUIRED]
    set_at = [policy.changed_at for policy in policies.values() if policy.changed_at]
    as_of = max(set_at, default=version.system.created_at)
    words = _("%(count)s gates hold a version back until they are passed or waived by a person: %(names)s.")
    values = {"count": len(required), "names": "; ".join(policy.gate.title for policy in required)}
    yield Fact("registry.evaluation.guardrails", words, values, as_of, "system:registry", url=url)
    for kind in ("performance", "distribution"):
        found = next((gate.decisive for gate in gates if gate.kind == kind), None)
        if found is None or not found.payload.get("thresholds"):
            continue
        titles = {threshold.name: threshold.title for threshold in BY_KIND[kind].thresholds}
        named = "; ".join(
            f"{titles[name].lower()} {value:g}" for name, value in found.payload["thresholds"].items() if name in titles
        )
        changed = policies[kind].changed_at
        since = f"since {changed:%Y-%m-%d %H:%M} UTC" if changed else "by default"
        words = _("Thresholds of “%(gate)s”, in force %(since)s, before the test of %(tested)s: %(thresholds)s.")
        values = {
            "gate": BY_KIND[kind].title,
            "since": since,
            "tested": f"{found.recorded_at:%Y-%m-%d %H:%M} UTC",
            "thresholds": named,
        }
        if changed is None or changed <= found.recorded_at:
            yield Fact("registry.evaluation.thresholds", words, values, as_of, "system:registry", url=url, about=kind)
