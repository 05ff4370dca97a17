"""Addresses of the endpoints about production."""

from django.urls import path

from registry.releasing import rest

urlpatterns = [
    path("systems/<slug:slug>/timeline/", rest.SystemTimeline.as_view(), name="timeline"),
    path("systems/<slug:slug>/releases/", rest.ReleaseList.as_view(), name="releases"),
    path(
        "systems/<slug:slug>/releases/<int:number>/ratify/", rest.ReleaseRatification.as_view(), name="release-ratify"
    ),
    path("systems/<slug:slug>/rollback/", rest.Rollback.as_view(), name="rollback"),
    path("systems/<slug:slug>/rollback/preview/", rest.RollbackPreview.as_view(), name="rollback-preview"),
    path("systems/<slug:slug>/production/", rest.ProductionPointer.as_view(), name="production"),
]
