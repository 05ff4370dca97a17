"""Addresses of the pages about production."""

from django.urls import path

from registry.releasing import views

urlpatterns = [
    path("systems/<slug:slug>/timeline/", views.timeline, name="timeline"),
    path("systems/<slug:slug>/production/", views.production, name="production"),
    path("systems/<slug:slug>/production/preview/", views.preview, name="preview"),
    path("systems/<slug:slug>/production/affected/", views.affected, name="affected"),
    path("systems/<slug:slug>/production/affected.csv", views.affected_csv, name="affected_csv"),
    path("systems/<slug:slug>/production/release/", views.release, name="release"),
    path("systems/<slug:slug>/production/break-glass/", views.break_glass, name="break_glass"),
    path("systems/<slug:slug>/production/ratify/", views.ratify, name="ratify"),
    path("systems/<slug:slug>/production/rollback/", views.roll_back, name="roll_back"),
]
