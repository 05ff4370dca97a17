"""The gateway's metrics; no label names a person, a caller or a decision, and each takes few values."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

# Close together round 200 ms, where the promise lies: the client's own buckets would misreport it.
LATENCY_BUCKETS = (
    *(0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.125, 0.15, 0.175),
    *(0.2, 0.225, 0.25, 0.3, 0.4, 0.5, 1, 2.5),
)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
UNKNOWN = "unknown"


class Metrics:
    """Everything that `/metrics` shows, in a registry of its own: two gateways in one test do not collide."""

    def __init__(self) -> None:
        kept = self.registry = CollectorRegistry(auto_describe=True)
        self.duration = Histogram(
            "gateway_request_duration_seconds",
            "From the first byte of a decision request to its answer",
            ["system", "version", "mode", "outcome"],
            buckets=LATENCY_BUCKETS,
            registry=kept,
        )
        self.requests = Counter("gateway_requests_total", "Decision requests", ["system", "outcome"], registry=kept)
        self.rejects = Counter("gateway_rejects_total", "Requests refused or failed", ["reason"], registry=kept)
        self.in_flight = Gauge("gateway_inflight", "Decision requests under way", registry=kept)
        self.route_version = Gauge("gateway_route_version", "Version that is served", ["system"], registry=kept)
        self.route_release = Gauge("gateway_route_release", "Release that is served", ["system"], registry=kept)
        self.unrecorded = Counter("gateway_records_failed_total", "Records that could not be written", registry=kept)
        self.score_rows = Histogram("gateway_score_batch_rows", "Rows scored at once", buckets=_SIZES, registry=kept)
        self.record_rows = Histogram(
            "gateway_record_batch_rows", "Records committed at once", buckets=_SIZES, registry=kept
        )
        self.record_seconds = Histogram(
            "gateway_record_duration_seconds", "One group commit", buckets=LATENCY_BUCKETS, registry=kept
        )

    def finished(self, system: str, version: int | None, outcome: str, seconds: float) -> None:
        """Count one decision request; `system` must be one that is served, or `UNKNOWN`."""
        self.duration.labels(system, str(version or ""), "live", outcome).observe(seconds)
        self.requests.labels(system, outcome).inc()

    def served(self, system: str, version: int, release: int) -> None:
        """Show what the system's route is now."""
        self.route_version.labels(system).set(version)
        self.route_release.labels(system).set(release)

    def retire(self, system: str, version: int) -> None:
        """Forget the series of a version that is no longer loaded, so that releases do not pile up series."""
        for outcome in ("answered", "refused", "failed", "unrecorded"):
            try:
                self.duration.remove(system, str(version), "live", outcome)
            except KeyError:
                continue

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)
