"""Addresses of the dossier's endpoints."""

from django.urls import path

from registry.dossier import rest

urlpatterns = [
    path("systems/<slug:slug>/dossier/", rest.DossierOne.as_view(), name="dossier"),
    path("systems/<slug:slug>/dossier/<str:item>/", rest.StatementOne.as_view(), name="dossier-statement"),
]
