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

# The check runs every 10 s; what was found so long ago is known no longer.
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
        except DatabaseError:
            return
        since = timezone.now() - STALE_AFTER
        words = "1 where a rollback would work at once in every gateway, as checked within a minute"
        armed = GaugeMetricFamily("countersign_rollback_armed", words, labels=["system"])
        words = "Gateways that serve another release than the newest"
        astray = GaugeMetricFamily("countersign_gateway_off_pointer", words, labels=["system"])
        for row in rows:
            slug = row.system.slug
            armed.add_metric([slug], float(row.is_armed and row.checked_at > since))
            astray.add_metric([slug], off.pop(slug, 0))
        for slug, number in off.items():
            astray.add_metric([slug], number)
        yield armed
        yield astray
