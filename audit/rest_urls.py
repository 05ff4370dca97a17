"""Addresses of the trail's endpoints, below `/api/v1/`."""

from django.urls import path

from audit import rest
from audit.completeness.urls import api_urlpatterns as completeness
from audit.exports.urls import api_urlpatterns as exports
from audit.intake.rest import Decisions
from audit.intake.urls import api_urlpatterns as intake

urlpatterns = [
    path("decisions/", Decisions.as_view(), name="decisions"),
    path("decisions/<uuid:identifier>/", rest.DecisionOne.as_view(), name="decision"),
    path("decisions/<uuid:identifier>/entry/", rest.DecisionEntry.as_view(), name="decision-entry"),
    path("decisions/<uuid:identifier>/proof/", rest.DecisionProof.as_view(), name="decision-proof"),
    path("acts/<uuid:identifier>/proof/", rest.ActProof.as_view(), name="act-proof"),
    *completeness,
    *exports,
    *intake,
]

# Where C2SP tlog-tiles has them: outside the API.
log_urlpatterns = [
    path("checkpoint", rest.LogCheckpoint.as_view(), name="checkpoint"),
    path("vkeys", rest.LogKeys.as_view(), name="vkeys"),
    path("tile/<path:path>", rest.LogTile.as_view(), name="tile"),
]
