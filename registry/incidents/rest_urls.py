"""Addresses of the endpoints about incidents, below `/api/v1/`."""

from django.urls import path

from registry.incidents import rest

urlpatterns = [
    path("incidents/", rest.IncidentList.as_view(), name="incidents"),
    path("incidents/<int:number>/", rest.IncidentOne.as_view(), name="incident"),
]
