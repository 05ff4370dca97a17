"""Addresses of the dossier's endpoints."""

from django.urls import path

from registry.dossier import rest
from registry.dossier.addresses import POINT

urlpatterns = [
    path("systems/<slug:slug>/dossier/", rest.DossierOne.as_view(), name="dossier"),
    path(POINT, rest.StatementOne.as_view(), name="dossier-statement"),
]
