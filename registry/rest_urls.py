"""Addresses of the registry's endpoints, below `/api/v1/`."""

from django.urls import path

from registry import rest
from registry.lifecycle import TRANSITIONS

_MOVES = [
    path(
        f"systems/<slug:slug>/versions/<int:number>/{move.name}/",
        rest.VersionMove.as_view(move=move.name),
        name=f"version-{move.name}",
    )
    for move in TRANSITIONS
    if not move.by_release
]

urlpatterns = [
    path("systems/", rest.SystemList.as_view(), name="systems"),
    path("systems/<slug:slug>/", rest.SystemOne.as_view(), name="system"),
    path("systems/<slug:slug>/versions/", rest.VersionList.as_view(), name="versions"),
    path("systems/<slug:slug>/versions/<int:number>/", rest.VersionOne.as_view(), name="version"),
    path("systems/<slug:slug>/versions/<int:number>/evidence/", rest.EvidenceList.as_view(), name="evidence"),
    *_MOVES,
    path("systems/<slug:slug>/releases/", rest.ReleaseList.as_view(), name="releases"),
    path("systems/<slug:slug>/rollback/", rest.Rollback.as_view(), name="rollback"),
    path("systems/<slug:slug>/rollback/preview/", rest.RollbackPreview.as_view(), name="rollback-preview"),
    path("systems/<slug:slug>/production/", rest.ProductionPointer.as_view(), name="production"),
]
