"""The address of the page on which other values are tried."""

from django.urls import path

from explain.trying import views

urlpatterns = [path("explanations/<uuid:identifier>/try/", views.try_values, name="try_values")]
