"""The pages of the dossier: at a glance, point by point, and the law that it follows."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from portal.accounts.access import Permission
from portal.accounts.authentication import actor_of
from portal.accounts.freshness import is_fresh, need_fresh
from portal.addresses import number_in
from portal.errors import Hidden, Invalid, Refusal
from portal.forms import cleaned
from portal.http import as_download, part, upload_refusal_of
from registry import queries as registry
from registry import store
from registry.dossier import queries, services
from registry.dossier.access import barred_because, need_to_write
from registry.dossier.differences import words_between
from registry.dossier.forms import ALL_VERSIONS, DocumentForm, DossierFilterForm, WithdrawForm, WritingForm
from registry.dossier.freezing.queries import since_signed
from registry.dossier.markdown import html_of
from registry.dossier.queries import Dossier, Point
from registry.dossier.regulation import difference
from registry.forms import reason_of
from registry.models import Statement, StatementKind, Version

MOST_DUE = 5


@require_GET
def dossier(request: HttpRequest, slug: str) -> HttpResponse:
    """Every point at a glance: how many are in which state, and each with who writes it and from when it binds."""
    actor = actor_of(request)
    system, version = queries.version_for(actor, slug, _number(request))
    found = queries.dossier_of(system, version, timezone.now())
    form = DossierFilterForm(request.GET, system=system, groups=found.regulation.groups)
    chosen = {point.item for point in form.chosen(found)}
    groups = [(group, points, [point for point in points if point.item in chosen]) for group, points in found.groups]
    context = {
        "dossier": found,
        "system": system,
        "version": version,
        "form": form,
        "table": [(group, _counted(points), len(points)) for group, points, _shown in groups],
        "counts": found.counts,
        "groups": [(group, shown) for group, _points, shown in groups if shown],
        "shown": len(chosen),
        "query": _version_query(request),
        "since": since_signed(found),
    }
    return part(request, "registry/dossier.html", "points", context)


@require_GET
def waiting(request: HttpRequest) -> HttpResponse:
    """What waits in the dossiers of all systems, for the desks to show."""
    actor = actor_of(request)
    actor.need_sight(Permission.DOSSIER_VIEW)
    now, lines = timezone.now(), []
    for system in registry.systems_visible_to(actor):
        found = queries.dossier_of(system, queries.default_version(system), now)
        open_points = [point for point in found.points if point.waits and point.requirement.mandatory]
        mine = [point for point in open_points if not barred_because(actor, point.requirement.written_by)]
        stale = [point for point in mine if point.state == "stale"]
        first = sorted(mine, key=lambda point: (point.due or date.max, point.state != "stale"))[:MOST_DUE]
        since = since_signed(found)
        lines.append({"system": system, "stale": len(stale), "open": len(mine), "first": first, "since": since})
    return part(request, "registry/dossiers_waiting.html", "lines", {"lines": lines})


@require_GET
def point(request: HttpRequest, slug: str, item: str) -> HttpResponse:
    """One point: what the law asks, what is there, what was signed, and where to write."""
    found = _look(request, slug)
    shown = queries.point_of(found, item)
    return render(request, "registry/point.html", _context(request, found, shown))


@require_POST
def write(request: HttpRequest, slug: str, item: str) -> HttpResponse:
    """Sign what was typed, or keep it as a draft, or show how it will look; whatever is refused stays in the box."""
    found = _look(request, slug)
    shown = queries.point_of(found, item)
    form = WritingForm(request.POST, point=shown, number=_number_of(found.version))
    do = request.POST.get("do", "sign")
    if do == "preview" and request.htmx:
        return render(request, "registry/point.html#preview", {"preview": html_of(form.data.get("text", "")[:200_000])})
    try:
        if do != "sign":
            return _keep(request, found, shown, form)
        services.sign_statement(**_signed(request, found, shown, form), now=timezone.now())
    except Hidden:
        raise
    except Refusal as refusal:
        return _refused(request, found, shown, form, refusal)
    messages.success(request, "Signed, with the evidence as it stands now.")
    return redirect(_address(request, "registry:point", slug, item))


@require_POST
def attach(request: HttpRequest, slug: str, item: str) -> HttpResponse:
    """Add a paper to the point; what is refused is said beside the form."""
    found = _look(request, slug)
    shown = queries.point_of(found, item)
    form = DocumentForm(request.POST, request.FILES, keys=queries.keys_for_papers(shown.requirement))
    try:
        if refusal := upload_refusal_of(request):
            raise refusal
        sent = cleaned(form)
        file = sent.pop("file")
        services.attach_document(
            actor=actor_of(request),
            system=found.system,
            item=item,
            **sent,
            file=(file.name, file.read()) if file is not None else None,
            now=timezone.now(),
        )
    except Hidden:
        raise
    except Refusal as refusal:
        _say_in(form, refusal)
        context = {**_context(request, found, shown), "document_form": form}
        return render(request, "registry/point.html", context, status=refusal.status)
    messages.success(request, f"“{sent['title']}” is part of the dossier now.")
    return redirect(_address(request, "registry:point", slug, item))


@require_POST
def withdraw(request: HttpRequest, slug: str, item: str, number: int) -> HttpResponse:
    """Take a paper back."""
    actor = actor_of(request)
    paper = queries.document_for(actor, slug, number)
    reason = reason_of(WithdrawForm(request.POST))
    services.withdraw_document(actor=actor, document=paper, item=item, reason=reason, now=timezone.now())
    messages.success(request, f"“{paper.title}” fills nothing any more. It stays on record.")
    return redirect(_address(request, "registry:point", slug, item))


@require_GET
def document(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """A copy of a paper; one that is kept elsewhere leads there."""
    paper = queries.document_for(actor_of(request), slug, number)
    if paper.url:
        return redirect(paper.url)
    try:
        content = store.read(settings.ARTIFACT_DIR, paper.sha256)
    except store.StoreError as error:
        raise Invalid(f"The file cannot be given: {error}.") from None
    return as_download(content, name=paper.file_name, media_type=paper.media_type)


@require_GET
def law(request: HttpRequest, day: str = "") -> HttpResponse:
    """A state of the law, by default the one in force: every point in our words, and which states there are."""
    actor = actor_of(request)
    actor.need_sight(Permission.DOSSIER_VIEW)
    today = timezone.now().date()
    in_force = queries.law_in_force(today)
    shown = queries.law_for(actor, _day(day)) if day else in_force
    wanted = request.GET.get("q", "").strip()[:200]
    points = [row for row in shown.requirements.all() if _speaks_of(row, wanted)]
    laws = list(queries.laws_visible_to(actor))
    context = {
        "law": shown,
        "is_in_force": shown.pk == in_force.pk,
        "groups": [(group, [row for row in points if row.group == group["id"]]) for group in shown.groups],
        "count": len(points),
        "wanted": wanted,
        "laws": [(row, after) for row, after in zip(laws, [*laws[1:], None], strict=True)],
    }
    return part(request, "registry/law.html", "points", context)


@require_GET
def law_difference(request: HttpRequest, older: str, newer: str) -> HttpResponse:
    """What two states of the law differ in, word by word."""
    actor = actor_of(request)
    before, after = (queries.law_for(actor, _day(day)) for day in (older, newer))
    found = difference(before.requirements.all(), after.requirements.all())
    return render(request, "registry/law_difference.html", {"before": before, "after": after, "found": found})


def _look(request: HttpRequest, slug: str) -> Dossier:
    system, version = queries.version_for(actor_of(request), slug, _number(request))
    return queries.dossier_of(system, version, timezone.now())


def _signed(request: HttpRequest, found: Dossier, shown: Point, form: WritingForm) -> dict[str, Any]:
    """What the service is asked: refused here only for the form's own faults and for a password that is not fresh."""
    need_to_write(actor_of(request), shown.requirement.written_by)
    # Before anything can refuse the signature, even a wrong password that ends the session: the text stays.
    _keep_draft(request, found, shown, form)
    sent = cleaned(form)
    need_fresh(request, sent["password"])
    writing = services.Writing(
        text=sent["text"],
        kind=sent["kind"],
        reason=sent["reason"],
        version=None if sent["scope"] == ALL_VERSIONS else found.version,
        expected_revision=sent["expected_revision"],
    )
    return {
        "actor": actor_of(request),
        "system": found.system,
        "item": shown.item,
        "seen": found.version,
        "writing": writing,
    }


def _keep(request: HttpRequest, found: Dossier, shown: Point, form: WritingForm) -> HttpResponse:
    """The draft, kept; for a form that was sent without scripts the page again, with the text and how it will look."""
    draft = _keep_draft(request, found, shown, form)
    if request.htmx:
        return render(request, "registry/point.html#saved", {"draft": draft})
    if request.POST.get("do") == "draft":
        messages.success(request, "Your draft is kept. Only you see it.")
        return redirect(_address(request, "registry:point", found.system.slug, shown.item))
    context = _context(request, found, shown, form)
    return render(request, "registry/point.html", {**context, "preview": html_of(form.data.get("text", ""))})


def _keep_draft(request: HttpRequest, found: Dossier, shown: Point, form: WritingForm) -> Any:
    return services.save_draft(
        actor=actor_of(request),
        system=found.system,
        item=shown.item,
        text=form.data.get("text", ""),
        based_on=number_in(form.data.get("expected_revision", "")) or 0,
        now=timezone.now(),
    )


def _refused(
    request: HttpRequest, found: Dossier, shown: Point, form: WritingForm, refusal: Refusal
) -> HttpResponse:
    """The page again with what was typed and why it was refused; beside it the text of whoever was quicker."""
    if request.htmx:
        return render(request, "registry/point.html#saved", {"refusal": refusal.message}, status=200)
    if isinstance(refusal, services.Overtaken):
        form.full_clean()
    else:
        _say_in(form, refusal)
    context = _context(request, found, shown, form)
    if isinstance(refusal, services.Overtaken):
        form.data = {**form.data.dict(), "expected_revision": refusal.newest.revision}
        context["theirs"] = (refusal.newest, html_of(refusal.newest.text))
        context["against_theirs"] = words_between(refusal.newest.text, form.data.get("text", ""))
    return render(request, "registry/point.html", context, status=refusal.status)


def _say_in(form: Form, refusal: Refusal) -> None:
    """Put the refusal's words beside the fields that they are about, else above the form."""
    form.full_clean()
    own = [(path, words) for path, words in refusal.details if path in form.fields]
    for path, words in own:
        if path not in form.errors:
            form.add_error(path, words)
    if not own:
        form.add_error(None, refusal.message)


def _context(request: HttpRequest, found: Dossier, shown: Point, form: WritingForm | None = None) -> dict[str, Any]:
    actor, system = actor_of(request), found.system
    papers = queries.keys_for_papers(shown.requirement)
    history = queries.history_of(system, shown.item)
    draft = queries.draft_of(actor, system, shown.item)
    barred = barred_because(actor, shown.requirement.written_by)
    before, after = _neighbours(found, shown)
    return {
        "dossier": found,
        "system": system,
        "version": found.version,
        "point": shown,
        "group": next(group for group in found.regulation.groups if group["id"] == shown.requirement.group),
        "facts": [(fact, fact.seen_with is None or actor.may(fact.seen_with)) for fact in shown.facts],
        "keys": _keys(found, shown),
        "text": html_of(shown.statement.text) if shown.statement else "",
        "history": _revisions(history),
        "comments": [(row, html_of(row.text)) for row in history if row.kind == StatementKind.COMMENT],
        "documents": queries.documents_of(system, papers),
        "document_form": DocumentForm(keys=papers) if papers else None,
        "barred": barred,
        "draft": draft,
        "form": form or (None if barred else _fresh_form(found, shown, draft)),
        "is_fresh": is_fresh(request),
        "before": before,
        "after": after,
        "query": _version_query(request),
    }


def _fresh_form(found: Dossier, shown: Point, draft: Any) -> WritingForm:
    standing = shown.statement
    newest = queries.newest_statement(found.system, shown.item)
    text = draft.text if draft else standing.text if standing and shown.state != "auto" else ""
    # A draft goes on from where it began, so that what was signed since is put beside it before it is signed.
    revision = draft.based_on if draft else newest.revision if newest else 0
    initial = {"text": text, "expected_revision": revision}
    return WritingForm(point=shown, number=_number_of(found.version), initial=initial)


def _revisions(history: list[Statement]) -> list[tuple[Statement, list[Any]]]:
    """Every revision, newest first, with what it changed in the one before for the same versions."""
    texts: dict[int | None, str] = {}
    told = []
    for row in reversed(history):
        if row.kind in (StatementKind.STATEMENT, StatementKind.OVERRIDE):
            told.append((row, words_between(texts.get(row.version_id, ""), row.text)))
            texts[row.version_id] = row.text
        else:
            told.append((row, []))
    return told[::-1]


def _keys(found: Dossier, shown: Point) -> list[tuple[str, bool]]:
    """What could fill the point, by name, and whether anything does."""
    filled = {fact.key for fact in shown.facts}
    return [(found.regulation.evidence[key]["title"], key in filled) for key in shown.requirement.evidence_from]


def _neighbours(found: Dossier, shown: Point) -> tuple[Point | None, Point | None]:
    place = found.points.index(shown)
    after = found.points[place + 1] if place + 1 < len(found.points) else None
    return (found.points[place - 1] if place else None), after


def _counted(points: list[Point]) -> dict[str, int]:
    return {str(state): sum(point.state == state for point in points) for state in queries.PointState}


def _number(request: HttpRequest) -> int | None:
    """The version that the address asks for, None for the default; `Hidden` for what is no number."""
    text = request.GET.get("version", "")
    if not text:
        return None
    number = number_in(text)
    if number is None:
        raise Hidden
    return number


def _number_of(version: Version | None) -> int | None:
    return version.number if version else None


def _version_query(request: HttpRequest) -> str:
    number = _number(request)
    return f"?version={number}" if number else ""


def _address(request: HttpRequest, name: str, *args: Any) -> str:
    return reverse(name, args=args) + _version_query(request)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Hidden from None


def _speaks_of(row: Any, wanted: str) -> bool:
    said = " ".join([row.item, row.ref, row.title, row.asks, row.condition or "", row.note]).lower()
    return all(word in said for word in wanted.lower().split())
