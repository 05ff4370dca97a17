"""Addresses of the trail's pages."""

from django.urls import path

from audit import views
from audit.completeness.urls import urlpatterns as completeness
from audit.erasure.urls import urlpatterns as erasure
from audit.exports.urls import urlpatterns as exports
from audit.intake.urls import urlpatterns as intake
from audit.retention.urls import urlpatterns as retention

app_name = "audit"
urlpatterns = [
    path("decisions/", views.decisions, name="decisions"),
    path("decisions/<uuid:identifier>/", views.decision, name="decision"),
    path("trail/", views.trail, name="trail"),
    *completeness,
    *erasure,
    *exports,
    *intake,
    *retention,
    path("trail/integrity/", views.integrity, name="integrity"),
    path("trail/integrity/verify/", views.verify, name="verify"),
]
