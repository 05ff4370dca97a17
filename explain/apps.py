"""Disputes and explanations."""

from django.apps import AppConfig


class ExplainConfig(AppConfig):
    name = "explain"
    verbose_name = "Explain"

    def ready(self) -> None:
        """Forget with a person's data what repeats it, keep answers from blind reviewers, rehearse explanations,
        and say in dossiers what came of them."""
        from audit.erasure.copies import on_erasure  # here, since the apps' models must be there first
        from audit.withholding import on_sight
        from explain.disputes.queries import withheld_answers
        from explain.disputes.services import forget_claims
        from explain.dossier import register_facts
        from explain.rehearsing import KIND, rehearse
        from explain.services import forget_decisions
        from registry.checking.contributed import register

        on_erasure(forget_decisions)
        on_erasure(forget_claims)
        on_sight(withheld_answers)
        register(KIND, rehearse)
        register_facts()
