"""Addresses of the endpoints about approval."""

from django.urls import path

from registry.approving import rest
from registry.lifecycle import TRANSITIONS

urlpatterns = [
    path(
        f"systems/<slug:slug>/versions/<int:number>/{move.name}/",
        rest.VersionMove.as_view(move=move.name),
        name=f"version-{move.name}",
    )
    for move in TRANSITIONS
    if not move.by_release
]
