"""Addresses of the trail's pages."""

from django.urls import path

from audit import views
from audit.erasure.urls import urlpatterns as erasure
from audit.exports.urls import urlpatterns as exports
from audit.retention.urls import urlpatterns as retention

app_name = "audit"
urlpatterns = [
    path("decisions/", views.decisions, name="decisions"),
    path("decisions/<uuid:identifier>/", views.decision, name="decision"),
    path("trail/", views.trail, name="trail"),
    *erasure,
    *exports,
    *retention,
    path("trail/integrity/", views.integrity, name="integrity"),
    path("trail/integrity/verify/", views.verify, name="verify"),
]
