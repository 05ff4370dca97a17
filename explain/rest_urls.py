"""Addresses of the endpoints of disputes and explanations, below `/api/v1/`."""

from django.urls import path

from explain import rest
from explain.disputes.rest_urls import urlpatterns as disputes
from explain.letters.rest_urls import urlpatterns as letters
from explain.reviewing.rest_urls import urlpatterns as reviewing

urlpatterns = [
    path(
        "decisions/<uuid:identifier>/explanations/",
        rest.DecisionExplanations.as_view(),
        name="decision-explanations",
    ),
    path("explanations/<uuid:identifier>/", rest.ExplanationOne.as_view(), name="explanation"),
    path("explanations/<uuid:identifier>/report.pdf", rest.ExplanationPdf.as_view(), name="explanation-pdf"),
    *disputes,
    *letters,
    *reviewing,
]
