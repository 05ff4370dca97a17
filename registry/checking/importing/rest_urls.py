"""The address of the comparison of features."""

from django.urls import path

from registry.checking.importing import rest

urlpatterns = [
    path(
        "systems/<slug:slug>/versions/<int:number>/feature-parity/",
        rest.FeatureParityCheck.as_view(),
        name="feature-parity",
    ),
]
