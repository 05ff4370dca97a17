"""Addresses of the pages about reading and comparing versions."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
