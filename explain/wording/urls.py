"""Addresses of the pages of the wording."""

from django.urls import path

from explain.wording import views

urlpatterns = [
    path("letters/wording/<slug:slug>/", views.wording, name="wording"),
    path("letters/wording/<slug:slug>/<slug:language>/<str:feature>/", views.set_wording, name="set_wording"),
]
