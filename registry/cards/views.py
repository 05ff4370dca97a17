"""The pages for reading versions: two side by side, and the model card with its downloads."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from portal.accounts.authentication import actor_of
from portal.addresses import number_in
from registry import queries
from registry.cards import plots
from registry.cards.bom import bom_of
from registry.cards.markdown import markdown_of
from registry.cards.queries import METRICS, Card, Comparison, card_of
from registry.models import System, Version

SCORE_COLUMNS = ("Scores", "Mean", "5 %", "25 %", "Median", "75 %", "95 %", "Adverse")


@require_GET
def compare(request: HttpRequest, slug: str) -> HttpResponse:
    """Two versions of a system side by side; without a choice the two newest."""
    actor = actor_of(request)
    system = queries.system_for(actor, slug)
    versions = list(system.versions.order_by("-number"))
    chosen = _chosen(system, versions, request.GET)
    context: dict[str, Any] = {"system": system, "versions": versions, "score_columns": SCORE_COLUMNS}
    if len(chosen) == 2:
        found = Comparison(*(card_of(queries.version_for(actor, slug, number)) for number in chosen))
        context |= {"found": found, "cards": (found.first, found.second), **_plots(found)}
    return render(request, "registry/compare.html", context)


@require_GET
def card(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The model card of a version, made for print."""
    found = card_of(queries.version_for(actor_of(request), slug, number))
    figures = found.distribution
    context = {
        "system": found.version.system,
        "version": found.version,
        "card": found,
        "metrics": [(METRICS[name], value, found.claimed.get(name)) for name, value in found.metrics],
        "scores": _scores(found),
        "score_columns": SCORE_COLUMNS,
        "groups": plots.group_rows(figures.get("groups", [])),
        "rates": plots.rates_plot(figures.get("groups", [])) if figures.get("groups") else None,
    }
    return render(request, "registry/card.html", context)


@require_GET
def card_markdown(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The model card as a Markdown file."""
    found = card_of(queries.version_for(actor_of(request), slug, number))
    return _file(markdown_of(found), "text/markdown; charset=utf-8", f"{slug}-{number}.md")


@require_GET
def card_bom(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The model card as a CycloneDX ML-BOM file."""
    found = card_of(queries.version_for(actor_of(request), slug, number))
    text = json.dumps(bom_of(found, now=timezone.now()), indent=2)
    return _file(text, "application/vnd.cyclonedx+json; version=1.6", f"{slug}-{number}.cdx.json")


def _file(text: str, content_type: str, name: str) -> HttpResponse:
    return HttpResponse(text, content_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _chosen(system: System, versions: list[Version], asked: Any) -> list[int]:
    numbers = [version.number for version in versions]
    given = [number for name in ("first", "second") if (number := number_in(asked.get(name, ""))) is not None]
    if len(given) == 2:
        return given
    return sorted(numbers[:2])


def _scores(found: Card) -> dict[str, Any] | None:
    figures = found.distribution
    if not figures:
        return None
    named = [(f"version {found.version.number} on its training sample", figures["training"])]
    if figures.get("candidate"):
        named.append((f"version {found.version.number} on the evaluation sample", figures["candidate"]))
    return {"plot": plots.scores_plot(named, found.spec.output.threshold), "rows": plots.scores_rows(named)}


def _plots(found: Comparison) -> dict[str, Any]:
    named = [
        (f"version {card.version.number}", card.distribution["candidate"])
        for card in (found.first, found.second)
        if card.distribution.get("candidate")
    ]
    if len(named) < 2:
        return {}
    return {
        "scores": {
            "plot": plots.scores_plot(named, found.second.spec.output.threshold),
            "rows": plots.scores_rows(named),
        },
        "groups": [
            (card.version.number, plots.group_rows(card.distribution.get("groups", [])))
            for card in (found.first, found.second)
        ],
    }
