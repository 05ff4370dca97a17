"""Addresses of the pages about the deployment checklist."""

from django.urls import path

from registry.checking import views

urlpatterns = [
    path("policy/<slug:risk_class>/", views.policy, name="policy"),
    path("policy/<slug:risk_class>/<slug:gate>/", views.gate_policy, name="gate_policy"),
    path("systems/<slug:slug>/versions/<int:number>/checklist/", views.checklist, name="checklist"),
    path("systems/<slug:slug>/versions/<int:number>/checks/", views.check, name="check"),
    path("systems/<slug:slug>/versions/<int:number>/gates/<slug:gate>/waive/", views.waive, name="waive"),
]
