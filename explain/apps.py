"""Disputes and explanations."""

from django.apps import AppConfig


class ExplainConfig(AppConfig):
    name = "explain"
    verbose_name = "Explain"

    def ready(self) -> None:
        """Reports and claims repeat a person's data: they are forgotten with it."""
        from audit.erasure.copies import on_erasure  # here, since the apps' models must be there first
        from explain.services import forget_decisions

        on_erasure(forget_decisions)
