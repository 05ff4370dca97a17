"""Addresses of the pages about trusted sources."""

from django.urls import path

from registry.provenance import views

urlpatterns = [
    path("systems/<slug:slug>/trusted-sources/", views.trusted_sources, name="trusted_sources"),
    path("systems/<slug:slug>/trusted-sources/<int:identifier>/remove/", views.remove_source, name="remove_source"),
]
