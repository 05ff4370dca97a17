"""Addresses of the pages of letters."""

from django.urls import path

from explain.letters import views

urlpatterns = [
    path("disputes/<int:number>/letter/", views.compose_letter, name="compose_letter"),
    path("disputes/<int:number>/letters/<uuid:identifier>/", views.letter, name="letter"),
    path("disputes/<int:number>/letters/<uuid:identifier>/letter.pdf", views.letter_pdf, name="letter_pdf"),
    path("letters/", views.templates, name="letter_templates"),
    path("letters/templates/<str:jurisdiction>/<str:language>/<str:kind>/", views.template, name="letter_template"),
]
