"""Addresses of the pages about trusted sources."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
