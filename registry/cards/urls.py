"""Addresses of the pages about reading and comparing versions."""

from django.urls import path

from registry.cards import views

_VERSION = "systems/<slug:slug>/versions/<int:number>/"
urlpatterns = [
    path("systems/<slug:slug>/compare/", views.compare, name="compare"),
    path(f"{_VERSION}card/", views.card, name="card"),
    path(f"{_VERSION}card.md", views.card_markdown, name="card_markdown"),
    path(f"{_VERSION}card.cdx.json", views.card_bom, name="card_bom"),
]
