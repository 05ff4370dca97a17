"""Addresses of the pages of the risk register."""

from django.urls import path

from registry.risks import views

urlpatterns = [
    path("systems/<slug:slug>/risks/", views.risks, name="risks"),
    path("systems/<slug:slug>/risks/accept/", views.accept_all, name="accept_risks"),
    path("systems/<slug:slug>/risks/new/", views.record, name="record_risk"),
    path("systems/<slug:slug>/risks/<int:number>/", views.risk, name="risk"),
    path("systems/<slug:slug>/risks/<int:number>/accept/", views.accept, name="accept_risk"),
    path("systems/<slug:slug>/risks/<int:number>/revise/", views.revise, name="revise_risk"),
]
