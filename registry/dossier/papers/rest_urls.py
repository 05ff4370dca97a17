"""Addresses of the papers' endpoints."""

from django.urls import path

from registry.dossier.papers import rest

urlpatterns = [
    path("systems/<slug:slug>/dossier.pdf", rest.PaperPdf.as_view(), name="paper-pdf"),
    path("systems/<slug:slug>/dossier.md", rest.PaperText.as_view(), name="paper-text"),
    path("systems/<slug:slug>/dossier.json", rest.PaperContent.as_view(), name="paper-content"),
]
