"""The trail: every decision and every act of people, in one append-only log."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "Trail"

    def ready(self):
        from audit import proofs
        from portal import health

        proofs.check_configured()
        health.register(proofs.health)
        health.register_metrics(proofs.LogMetrics())
