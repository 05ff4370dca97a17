"""Addresses of the endpoints about trusted sources."""

from django.urls import path

from registry.provenance import rest

urlpatterns = [
    path("systems/<slug:slug>/trusted-sources/", rest.SourceList.as_view(), name="trusted-sources"),
    path(
        "systems/<slug:slug>/trusted-sources/<int:identifier>/remove/",
        rest.SourceRemoval.as_view(),
        name="remove-source",
    ),
]
