"""Addresses of the endpoints about trusted sources."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
