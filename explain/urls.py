"""Addresses of the pages of disputes and explanations."""

from django.urls import path

from explain import views
from explain.disputes.urls import urlpatterns as disputes
from explain.letters.urls import urlpatterns as letters
from explain.reviewing.urls import urlpatterns as reviewing
from explain.trying.urls import urlpatterns as trying
from explain.wording.urls import urlpatterns as wording

app_name = "explain"
urlpatterns = [
    path("decisions/<uuid:identifier>/explain/", views.explain_decision, name="explain_decision"),
    path("decisions/<uuid:identifier>/explain/panel/", views.panel, name="panel"),
    path("explanations/<uuid:identifier>/", views.explanation, name="explanation"),
    path("explanations/<uuid:identifier>/progress/", views.progress, name="progress"),
    *disputes,
    *letters,
    *reviewing,
    *trying,
    *wording,
]
