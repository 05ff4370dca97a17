"""Addresses of the endpoints of the review, below `/api/v1/`."""

from django.urls import path

from explain.reviewing import rest

urlpatterns = [
    path("disputes/<int:number>/review/", rest.DisputeReview.as_view(), name="dispute-review"),
    path("disputes/<int:number>/first-view/", rest.DisputeFirstView.as_view(), name="dispute-first-view"),
    path("disputes/<int:number>/corrections/", rest.Corrections.as_view(), name="dispute-corrections"),
    path(
        "disputes/<int:number>/corrections/<uuid:identifier>/",
        rest.CorrectionOne.as_view(),
        name="dispute-correction",
    ),
    path("disputes/<int:number>/decide/", rest.DisputeDecide.as_view(), name="dispute-decide"),
]
