"""Addresses of the pages of retention."""

from django.urls import path

from audit.retention import views

urlpatterns = [
    path("retention/", views.retention, name="retention"),
    path("retention/<str:system>/", views.set_retention, name="set_retention"),
]
