"""Every address of the portal; the only place that knows all apps."""

from __future__ import annotations

from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

import audit.rest_urls
import explain.rest_urls
import registry.rest_urls
from portal import health
from portal.desks import views as desks

api = [
    path("schema/", login_not_required(SpectacularAPIView.as_view()), name="schema"),
    path("docs/", desks.api_docs, name="docs"),
    *audit.rest_urls.urlpatterns,
    *registry.rest_urls.urlpatterns,
    *explain.rest_urls.urlpatterns,
]

urlpatterns = [
    path("", desks.home, name="home"),
    path("sign-in/", desks.SignIn.as_view(), name="login"),
    path("sign-out/", auth.LogoutView.as_view(), name="logout"),
    path("healthz", health.healthz, name="healthz"),
    path("metrics", health.metrics, name="metrics"),
    path("api/v1/", include((api, "api"))),
    path("log/", include((audit.rest_urls.log_urlpatterns, "log"))),
    path("", include("audit.urls")),
    path("", include("registry.urls")),
    path("", include("explain.urls")),
]

handler404 = "portal.http.not_found"
handler500 = "portal.http.fault"
