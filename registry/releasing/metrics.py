"""What monitoring may wake people for: a rollback that would not work, a gateway that does not follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from django.db import DatabaseError
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from registry.models import RollbackReadiness
from registry.releasing.alarms import alarms
from registry.releasing.readiness import rollback_of

# The check runs every 10 s, unless the worker is at something long: then it is made here.
STALE_AFTER = timedelta(seconds=60)


class ReleaseMetrics(Collector):
    """Whether a rollback is armed, and how many gateways serve something else, by system."""

    def describe(self) -> list[Metric]:
        """Nothing: the names must not cost a query at start."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The gauges; none while the database does not answer."""
        try:
            rows = list(RollbackReadiness.objects.select_related("system"))
            off = Counter(alarm.system for alarm in alarms() if alarm.is_off_pointer)
            known = {row.system.slug: _is_armed(row) for row in rows}
        except DatabaseError:
            return
        words = "1 where a rollback would work at once in every gateway"
        armed = GaugeMetricFamily("countersign_rollback_armed", words, labels=["system"])
        words = "Gateways that serve another release than the newest"
        astray = GaugeMetricFamily("countersign_gateway_off_pointer", words, labels=["system"])
        for slug, is_armed in known.items():
            armed.add_metric([slug], float(is_armed))
            astray.add_metric([slug], off.pop(slug, 0))
        for slug, number in off.items():
            astray.add_metric([slug], number)
        yield armed
        yield astray


def _is_armed(row: RollbackReadiness) -> bool:
    if row.checked_at > timezone.now() - STALE_AFTER:
        return row.is_armed
    return rollback_of(row.system).armed
