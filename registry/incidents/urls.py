"""Addresses of the pages about incidents."""

from django.urls import path

from registry.incidents import views
from registry.incidents.reporting import views as reporting

urlpatterns = [
    path("incidents/", views.incidents, name="incidents"),
    path("incidents/new/", views.open_incident, name="open_incident"),
    path("incidents/<int:number>/", views.incident, name="incident"),
    path("incidents/<int:number>/assess/", views.assess, name="assess_incident"),
    path("incidents/<int:number>/files/", views.add_file, name="add_incident_file"),
    path("incidents/<int:number>/files/<uuid:identifier>/", views.file, name="incident_file"),
    path("incidents/<int:number>/hold/", views.release_hold, name="release_incident_hold"),
    path("incidents/<int:number>/links/", views.link, name="link_incident"),
    path("incidents/<int:number>/messages/", reporting.keep_message, name="keep_incident_message"),
    path("incidents/<int:number>/notes/", views.add_note, name="add_incident_note"),
    path("incidents/<int:number>/report/", reporting.report, name="incident_report"),
    path("incidents/<int:number>/report/<int:version>.pdf", reporting.pdf, name="incident_report_pdf"),
    path("incidents/<int:number>/report/send/", reporting.send, name="send_incident_report"),
    path("incidents/<int:number>/versions/", views.hold_version, name="hold_incident_version"),
    # Last, since a move's name would catch the others.
    path("incidents/<int:number>/<slug:name>/", views.move, name="incident_move"),
]
