"""Addresses of the endpoints about the deployment checklist."""

from django.urls import path

from registry.checking import rest

urlpatterns = [
    path("gate-policies/<slug:risk_class>/", rest.GatePolicies.as_view(), name="gate-policies"),
    path("gate-policies/<slug:risk_class>/<slug:gate>/", rest.GatePolicyOne.as_view(), name="gate-policy"),
    path("systems/<slug:slug>/versions/<int:number>/checks/", rest.Checks.as_view(), name="checks"),
    path(
        "systems/<slug:slug>/versions/<int:number>/gates/<slug:gate>/waive/",
        rest.GateWaiver.as_view(),
        name="gate-waive",
    ),
]
