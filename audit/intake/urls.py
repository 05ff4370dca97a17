"""Addresses of the intake."""

from django.urls import path

from audit.intake import rest, views

urlpatterns = [path("intake/", views.intake, name="intake")]
api_urlpatterns = [path("ingest/cloudevents/", rest.CloudEvents.as_view(), name="cloudevents")]
