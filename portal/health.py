"""Whether the portal is ready, and its metrics."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET
from kombu import Connection
from kombu.exceptions import OperationalError
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.registry import Collector

_more: list[Callable[[], str]] = []


def register(check: Callable[[], str]) -> None:
    """Ask an app, too: `check` says in words why it is not ready, or nothing. It says nothing without a database."""
    _more.append(check)


def register_metrics(collector: Collector) -> None:
    """Show an app's own metrics; the collector is asked at each scrape."""
    REGISTRY.register(collector)


@login_not_required
@require_GET
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when ready, 503 with the list of what is not."""
    problems = [problem for check in (_database, _partitions, _broker, *_more) if (problem := check())]
    return JsonResponse({"ready": not problems, "problems": problems}, status=503 if problems else 200)


@login_not_required
@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format; no label names a person or a decision."""
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except DatabaseError:
        return "PostgreSQL does not answer"
    return ""


def _partitions() -> str:
    """Next month's partition must exist: without one no decision can be recorded, and none is answered."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "select to_regclass('audit_entry_'"
                " || to_char((now() + interval '1 month') at time zone 'UTC', 'YYYY_MM'))"
            )
            exists = cursor.fetchone()[0]
    except DatabaseError:
        return ""
    return "" if exists else "The trail has no partition for next month"


def _broker() -> str:
    try:
        with Connection(settings.CELERY_BROKER_URL, connect_timeout=2) as broker:
            broker.ensure_connection(max_retries=1, timeout=2)
    except (OSError, OperationalError):
        return "The broker does not answer"
    return ""
