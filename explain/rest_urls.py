"""Addresses of the endpoints of disputes and explanations, below `/api/v1/`."""

from django.urls import path

from explain import rest

urlpatterns = [
    path(
        "decisions/<uuid:identifier>/explanations/",
        rest.DecisionExplanations.as_view(),
        name="decision-explanations",
    ),
    path("explanations/<uuid:identifier>/", rest.ExplanationOne.as_view(), name="explanation"),
    path("disputes/", rest.DisputeList.as_view(), name="disputes"),
    path("disputes/<int:number>/", rest.DisputeOne.as_view(), name="dispute"),
]
