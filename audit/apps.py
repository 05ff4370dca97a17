"""The trail: every decision and every act of people, in one append-only log."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "Trail"

    def ready(self):
        from audit import proofs
        from audit.erasure.copies import on_erasure
        from audit.exports.services import withdraw_disclosed
        from portal import health

        proofs.check_configured()
        on_erasure(withdraw_disclosed)
        health.register(proofs.health)
        health.register_metrics(proofs.LogMetrics())
