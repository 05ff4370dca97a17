"""Addresses of the endpoints about the deployment checklist."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
