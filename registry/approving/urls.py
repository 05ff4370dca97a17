"""Addresses of the pages about approval."""

from django.urls import path

from registry.approving import views

urlpatterns = [
    path("systems/<slug:slug>/versions/<int:number>/<slug:name>/", views.move, name="move"),
]
