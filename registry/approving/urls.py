"""Addresses of the pages about approval."""

from django.urls import path

from registry.approving import views

urlpatterns = [
    path("systems/<slug:slug>/approvers/", views.approvers, name="approvers"),
    path("systems/<slug:slug>/approvers/rule/", views.set_rule, name="set_rule"),
    path("systems/<slug:slug>/approvers/name/", views.name_approver, name="name_approver"),
    path("systems/<slug:slug>/approvers/remove/", views.remove_approver, name="remove_approver"),
    path("systems/<slug:slug>/versions/<int:number>/<slug:name>/", views.move, name="move"),
]
