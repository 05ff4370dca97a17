"""Systems, versions, evidence, approvals, releases and the production pointer."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "registry"
    verbose_name = "Registry"
