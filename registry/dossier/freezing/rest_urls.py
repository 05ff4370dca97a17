"""Addresses of the endpoints about frozen dossiers."""

from django.urls import path

from registry.dossier.freezing import rest

urlpatterns = [
    path("systems/<slug:slug>/dossiers/", rest.FrozenList.as_view(), name="frozen-dossiers"),
    path("systems/<slug:slug>/dossiers/<int:number>/", rest.FrozenOne.as_view(), name="frozen-dossier"),
]
