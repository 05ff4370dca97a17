"""Systems, versions, evidence, approvals, releases and the production pointer."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "registry"
    verbose_name = "Registry"

    def ready(self) -> None:
        # A wrong setting stops the start, not the first CI job.
        from registry.provenance.issuers import known_issuers

        known_issuers()

        from portal.health import register_metrics
        from registry.releasing.metrics import ReleaseMetrics

        register_metrics(ReleaseMetrics())

        from registry.dossier.contributions import register_all

        register_all()
