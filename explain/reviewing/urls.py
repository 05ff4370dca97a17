"""Addresses of the pages of the review."""

from django.urls import path

from explain.reviewing import views

urlpatterns = [
    path("disputes/<int:number>/review/", views.review, name="review"),
    path("disputes/<int:number>/review/start/", views.start, name="start_review"),
    path("disputes/<int:number>/review/first-view/", views.write_first_view, name="write_first_view"),
    path("disputes/<int:number>/review/correct/", views.correct, name="correct_inputs"),
    path("disputes/<int:number>/review/corrections/<uuid:identifier>/", views.correction, name="correction"),
    path("disputes/<int:number>/review/decide/", views.decide, name="decide_dispute"),
]
