"""Addresses of the endpoints about reading and comparing versions."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
