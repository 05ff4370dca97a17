"""Addresses of the dossier's pages, and of the law's."""

from django.urls import path

from registry.dossier import views
from registry.dossier.addresses import POINT

urlpatterns = [
    path("law/", views.law, name="law"),
    path("law/<str:older>..<str:newer>/", views.law_difference, name="law_difference"),
    path("law/<str:day>/", views.law, name="law_of"),
    path("dossiers/waiting/", views.waiting, name="dossiers_waiting"),
    path("systems/<slug:slug>/dossier/", views.dossier, name="dossier"),
    path(POINT, views.point, name="point"),
    path(f"{POINT}write/", views.write, name="write_point"),
    path(f"{POINT}documents/", views.attach, name="attach_document"),
    path(f"{POINT}documents/<int:number>/withdraw/", views.withdraw, name="withdraw_document"),
    path("systems/<slug:slug>/documents/<int:number>/", views.document, name="document"),
]
