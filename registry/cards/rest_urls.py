"""Addresses of the endpoints about reading and comparing versions."""

from django.urls import path

from registry.cards import rest

_VERSION = "systems/<slug:slug>/versions/<int:number>/"
urlpatterns = [
    path(f"{_VERSION}card.md", rest.ModelCard.as_view(), name="model-card"),
    path(f"{_VERSION}card.cdx.json", rest.ModelBom.as_view(), name="model-bom"),
]
