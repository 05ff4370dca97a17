"""Addresses of the endpoints of letters, below `/api/v1/`."""

from django.urls import path

from explain.letters import rest

urlpatterns = [
    path("disputes/<int:number>/answer/", rest.DisputeAnswer.as_view(), name="dispute-answer"),
]
