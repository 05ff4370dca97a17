"""Addresses of the papers."""

from django.urls import path

from registry.dossier.papers import views
from registry.dossier.papers.files import TYPES

urlpatterns = [
    path("systems/<slug:slug>/dossier/papers/", views.papers, name="papers"),
    *(
        path(f"systems/<slug:slug>/dossier.{ending}", views.paper, {"ending": ending}, name=f"paper_{ending}")
        for ending in TYPES
    ),
]
