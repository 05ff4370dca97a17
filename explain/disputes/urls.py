"""Addresses of the pages of disputes."""

from django.urls import path

from explain.disputes import views

urlpatterns = [
    path("decisions/<uuid:identifier>/dispute/", views.open_dispute, name="open_dispute"),
    path("disputes/", views.disputes, name="disputes"),
    path("disputes/<int:number>/", views.dispute, name="dispute"),
    path("disputes/<int:number>/explain/", views.explain_dispute, name="explain_dispute"),
]
