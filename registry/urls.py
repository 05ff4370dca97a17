"""Addresses of the registry's pages."""

from django.urls import path

from registry import views

app_name = "registry"
urlpatterns = [
    path("systems/", views.systems, name="systems"),
    path("systems/<slug:slug>/", views.system, name="system"),
    path("systems/<slug:slug>/versions/<int:number>/", views.version, name="version"),
    path("systems/<slug:slug>/versions/<int:number>/<slug:name>/", views.move, name="move"),
    path("systems/<slug:slug>/production/", views.production, name="production"),
    path("systems/<slug:slug>/production/release/", views.release, name="release"),
    path("systems/<slug:slug>/production/rollback/", views.roll_back, name="roll_back"),
]
