"""Addresses of the pages of disputes and explanations."""

from django.urls import path

from explain import views

app_name = "explain"
urlpatterns = [
    path("decisions/<uuid:identifier>/explain/", views.explain_decision, name="explain_decision"),
    path("decisions/<uuid:identifier>/explain/panel/", views.panel, name="panel"),
    path("decisions/<uuid:identifier>/dispute/", views.open_dispute, name="open_dispute"),
    path("explanations/<uuid:identifier>/", views.explanation, name="explanation"),
    path("explanations/<uuid:identifier>/progress/", views.progress, name="progress"),
    path("disputes/", views.disputes, name="disputes"),
    path("disputes/<int:number>/", views.dispute, name="dispute"),
    path("disputes/<int:number>/explain/", views.explain_dispute, name="explain_dispute"),
]
