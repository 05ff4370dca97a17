"""Addresses of the pages about what a system is, who provides it and how it is registered."""

from django.urls import path

from registry.classification import views

urlpatterns = [
    path("organisation/", views.describe_us, name="organisation"),
    path("systems/<slug:slug>/classification/", views.classification, name="classification"),
    path("systems/<slug:slug>/classification/new/", views.classify, name="classify"),
    path("systems/<slug:slug>/registration/", views.registration, name="registration"),
    path("systems/<slug:slug>/registration/<slug:form>/", views.registration_file, name="registration_file"),
]
