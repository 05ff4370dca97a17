"""Addresses of the pages about frozen dossiers."""

from django.urls import path

from registry.dossier.freezing import views

_ONE = "systems/<slug:slug>/dossiers/<int:number>/"

urlpatterns = [
    path("systems/<slug:slug>/dossiers/", views.dossiers, name="dossiers"),
    path("systems/<slug:slug>/dossiers/freeze/", views.freeze, name="freeze_dossier"),
    path("systems/<slug:slug>/dossiers/<int:older>..<int:newer>/", views.compare, name="compare_dossiers"),
    path(_ONE, views.dossier, name="frozen_dossier"),
    path(f"{_ONE}sign/", views.sign, name="sign_dossier"),
    path(f"{_ONE}decline/", views.decline, name="decline_dossier"),
    path(f"{_ONE}withdraw/", views.withdraw, name="withdraw_dossier"),
    path(f"{_ONE}content.json", views.content, name="frozen_content"),
    path(f"{_ONE}dossier.pdf", views.pdf, name="frozen_pdf"),
]
