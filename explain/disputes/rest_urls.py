"""Addresses of the endpoints of disputes, below `/api/v1/`."""

from django.urls import path

from explain.disputes import files_rest, rest

urlpatterns = [
    path("disputes/", rest.DisputeList.as_view(), name="disputes"),
    path("disputes/<int:number>/", rest.DisputeOne.as_view(), name="dispute"),
    path("disputes/<int:number>/assign/", rest.DisputeAssign.as_view(), name="dispute-assign"),
    path("disputes/<int:number>/close/", rest.DisputeClose.as_view(), name="dispute-close"),
    path("disputes/<int:number>/extend/", rest.DisputeExtend.as_view(), name="dispute-extend"),
    path("disputes/<int:number>/files/", files_rest.DisputeFiles.as_view(), name="dispute-files"),
    path("disputes/<int:number>/files/<uuid:identifier>/", files_rest.DisputeFile.as_view(), name="dispute-file"),
    path("disputes/<int:number>/identity/", rest.DisputeIdentity.as_view(), name="dispute-identity"),
    path("disputes/<int:number>/notes/", rest.DisputeNotes.as_view(), name="dispute-notes"),
    path("disputes/<int:number>/reopen/", rest.DisputeReopen.as_view(), name="dispute-reopen"),
    path("disputes/<int:number>/withdraw/", rest.DisputeWithdraw.as_view(), name="dispute-withdraw"),
]
