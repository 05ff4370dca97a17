"""Disputes and explanations."""

from django.apps import AppConfig


class ExplainConfig(AppConfig):
    name = "explain"
    verbose_name = "Explain"

    def ready(self) -> None:
        """Forget reports and claims with the person's data that they repeat, and rehearse a version's explanations."""
        from audit.erasure.copies import on_erasure  # here, since the apps' models must be there first
        from explain.disputes.services import forget_claims
        from explain.rehearsing import KIND, rehearse
        from explain.services import forget_decisions
        from registry.checking.contributed import register

        on_erasure(forget_decisions)
        on_erasure(forget_claims)
        register(KIND, rehearse)
