"""Addresses of the pages about the deployment checklist."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
