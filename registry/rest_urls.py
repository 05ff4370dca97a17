"""Addresses of the registry's endpoints, below `/api/v1/`; each room brings its own."""

from django.urls import include, path

from registry import rest

urlpatterns = [
    path("systems/", rest.SystemList.as_view(), name="systems"),
    path("systems/<slug:slug>/", rest.SystemOne.as_view(), name="system"),
    path("systems/<slug:slug>/versions/", rest.VersionList.as_view(), name="versions"),
    path("systems/<slug:slug>/versions/<int:number>/", rest.VersionOne.as_view(), name="version"),
    path("systems/<slug:slug>/versions/<int:number>/evidence/", rest.EvidenceList.as_view(), name="evidence"),
    path("", include("registry.checking.rest_urls")),
    path("", include("registry.checking.importing.rest_urls")),
    path("", include("registry.provenance.rest_urls")),
    path("", include("registry.cards.rest_urls")),
    path("", include("registry.dossier.rest_urls")),
    path("", include("registry.dossier.freezing.rest_urls")),
    path("", include("registry.dossier.papers.rest_urls")),
    path("", include("registry.incidents.rest_urls")),
    path("", include("registry.releasing.rest_urls")),
    path("", include("registry.approving.rest_urls")),
]
