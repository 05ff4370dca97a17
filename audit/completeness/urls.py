"""Addresses of the comparison of counted and recorded."""

from django.urls import path

from audit.completeness import rest, views

urlpatterns = [
    path("trail/completeness/", views.completeness, name="completeness"),
    path("trail/completeness/line/", views.line, name="completeness_line"),
]
api_urlpatterns = [path("completeness/", rest.CompletenessDoor.as_view(), name="completeness")]
