"""Addresses of the registry's pages; each room brings its own."""

from django.urls import include, path

from registry import views

app_name = "registry"
urlpatterns = [
    path("systems/", views.systems, name="systems"),
    path("systems/<slug:slug>/", views.system, name="system"),
    path("systems/<slug:slug>/versions/new/", views.new_version, name="new_version"),
    path("systems/<slug:slug>/versions/<int:number>/", views.version, name="version"),
    path("", include("registry.checking.urls")),
    path("", include("registry.incidents.urls")),
    path("", include("registry.risks.urls")),
    path("", include("registry.provenance.urls")),
    path("", include("registry.cards.urls")),
    path("", include("registry.dossier.urls")),
    path("", include("registry.dossier.freezing.urls")),
    path("", include("registry.dossier.papers.urls")),
    path("", include("registry.releasing.urls")),
    path("", include("registry.classification.urls")),
    # Last, since a move's name would catch the other rooms' pages of a version.
    path("", include("registry.approving.urls")),
]
