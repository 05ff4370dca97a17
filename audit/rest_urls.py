"""Addresses of the trail's endpoints, below `/api/v1/`."""

from django.urls import path

from audit import rest

urlpatterns = [
    path("decisions/", rest.DecisionList.as_view(), name="decisions"),
    path("decisions/<uuid:identifier>/", rest.DecisionOne.as_view(), name="decision"),
    path("decisions/<uuid:identifier>/entry/", rest.DecisionEntry.as_view(), name="decision-entry"),
]
