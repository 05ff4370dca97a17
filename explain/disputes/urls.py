"""Addresses of the pages of disputes."""

from django.urls import path

from explain.disputes import views

urlpatterns = [
    path("decisions/<uuid:identifier>/dispute/", views.open_dispute, name="open_dispute"),
    path("disputes/", views.disputes, name="disputes"),
    path("disputes/explain/", views.explain_selected, name="explain_selected"),
    path("disputes/explaining/", views.explaining_selected, name="explaining_selected"),
    path("disputes/policy/<slug:slug>/", views.policy, name="dispute_policy"),
    path("disputes/<int:number>/", views.dispute, name="dispute"),
    path("disputes/<int:number>/assign/", views.assign, name="assign_dispute"),
    path("disputes/<int:number>/close/", views.close, name="close_dispute"),
    path("disputes/<int:number>/explain/", views.explain_dispute, name="explain_dispute"),
    path("disputes/<int:number>/extend/", views.extend, name="extend_dispute"),
    path("disputes/<int:number>/files/", views.add_file, name="add_file"),
    path("disputes/<int:number>/files/<uuid:identifier>/", views.file, name="file"),
    path("disputes/<int:number>/identity/", views.check_identity, name="check_identity"),
    path("disputes/<int:number>/notes/", views.add_note, name="add_note"),
    path("disputes/<int:number>/reopen/", views.reopen, name="reopen_dispute"),
    path("disputes/<int:number>/withdraw/", views.withdraw, name="withdraw_dispute"),
]
