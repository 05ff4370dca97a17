"""Addresses of the endpoints of disputes, below `/api/v1/`."""

from django.urls import path

from explain.disputes import rest

urlpatterns = [
    path("disputes/", rest.DisputeList.as_view(), name="disputes"),
    path("disputes/<int:number>/", rest.DisputeOne.as_view(), name="dispute"),
]
