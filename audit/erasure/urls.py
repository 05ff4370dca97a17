"""Addresses of the pages of erasures and holds."""

from django.urls import path

from audit.erasure import views

urlpatterns = [
    path("erasures/", views.erasures, name="erasures"),
    path("erasures/new/", views.request_erasure, name="request_erasure"),
    path("erasures/<uuid:identifier>/", views.erasure, name="erasure"),
    path("erasures/<uuid:identifier>/confirm/", views.confirm_erasure, name="confirm_erasure"),
    path("erasures/<uuid:identifier>/decline/", views.decline_erasure, name="decline_erasure"),
    path("holds/", views.holds, name="holds"),
    path("holds/new/", views.place_hold, name="place_hold"),
    path("holds/<uuid:identifier>/lift/", views.lift_hold, name="lift_hold"),
]
