"""Addresses of exports and searches: pages, and endpoints below `/api/v1/`."""

from django.urls import path

from audit.exports import rest, views

urlpatterns = [
    path("trail/exports/", views.exports, name="exports"),
    path("trail/exports/<uuid:identifier>/download/", views.download, name="export_download"),
    path("decisions/search/", views.searches, name="searches"),
    path("decisions/search/<uuid:identifier>/", views.search, name="search"),
    path("jobs/<uuid:identifier>/cancel/", views.cancel, name="cancel_job"),
]

api_urlpatterns = [
    path("exports/", rest.ExportList.as_view(), name="exports"),
    path("exports/<uuid:identifier>/", rest.ExportOne.as_view(), name="export"),
    path("exports/<uuid:identifier>/download/", rest.ExportDownload.as_view(), name="export-download"),
]
