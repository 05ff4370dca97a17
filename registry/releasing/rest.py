"""The endpoints about production: releases, rollback, and what is live."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from functools import partial
from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response

from portal.accounts.freshness import need_fresh
from portal.addresses import number_in
from portal.errors import Hidden, Invalid, Problem
from portal.rest import Endpoint, valid
from portal.times import utc_in
from registry import queries
from registry.bodies import ReasonBody
from registry.models import Release, Strategy, System
from registry.releasing import services
from registry.releasing.preview import preview_of
from registry.releasing.timeline import interval_at, timeline_of
from registry.releasing.waiting import MOST_SECONDS, wait_for

AT = OpenApiParameter("at", OpenApiTypes.DATETIME, description="The moment to look at; now, unless told.")
SINCE, UNTIL = (OpenApiParameter(name, OpenApiTypes.DATETIME) for name in ("since", "until"))
BEFORE = OpenApiParameter("before", OpenApiTypes.INT, description="Only releases before this one.")
WAIT = OpenApiParameter(
    "wait", OpenApiTypes.INT, description="Seconds (at most 60) to wait for another pointer than that of If-None-Match."
)
SEEN = OpenApiParameter(
    "If-None-Match", OpenApiTypes.STR, OpenApiParameter.HEADER, description="The ETag that the caller has seen."
)


class Password(serializers.CharField):
    """The password again, for what counts as a signature, unless it was given within the last five minutes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, "allow_blank": True, "max_length": 256, "write_only": True, **options})


class ReleaseBody(ReasonBody):
    """A release to be made."""

    version = serializers.IntegerField(min_value=1)
    strategy = serializers.ChoiceField(choices=Strategy.values, default=Strategy.DIRECT.value)
    weight_bp = serializers.IntegerField(min_value=0, max_value=10_000, required=False)
    expected_release = serializers.IntegerField(min_value=0, required=False, allow_null=True, default=None)
    break_glass = serializers.BooleanField(
        default=False,
        help_text="Release what nobody has approved, in an emergency: persons only; somebody else must ratify it.",
    )
    password = Password()


class RatifyBody(ReasonBody):
    """Why somebody answers, after the fact, for a release that nobody had approved."""

    password = Password()


class RollbackBody(ReasonBody):
    """A rollback to be made."""

    expected_release = serializers.IntegerField(min_value=0, required=False, allow_null=True, default=None)


class ReleaseMade(serializers.Serializer):
    """A release as it was made."""

    release = serializers.IntegerField()
    version = serializers.IntegerField()
    strategy = serializers.CharField(required=False)
    is_break_glass = serializers.BooleanField(required=False)
    replaced_version = serializers.IntegerField(required=False, allow_null=True)


class Ratified(serializers.Serializer):
    """A ratification as it was made."""

    release = serializers.IntegerField(source="release.number")
    version = serializers.IntegerField(source="release.version.number")
    ratified_by = serializers.CharField()
    ratified_at = serializers.DateTimeField()


class Production(serializers.Serializer):
    """The production pointer."""

    release = serializers.IntegerField()
    version = serializers.IntegerField()
    artifact_sha256 = serializers.CharField()
    since = serializers.DateTimeField()
    strategy = serializers.CharField()
    candidate = serializers.JSONField(allow_null=True)


class PreviewBody(serializers.Serializer):
    """Whether a rollback would work now, where it would go, and what it would change."""

    target_version = serializers.IntegerField(source="target.number", allow_null=True, default=None)
    armed = serializers.BooleanField(source="found.armed")
    possible = serializers.BooleanField(
        source="found.is_possible", help_text="Whether a rollback would be made, armed or not."
    )
    problems = serializers.ListField(source="found.problems", child=serializers.CharField())
    release = serializers.IntegerField(source="release.number", allow_null=True, default=None)
    decisions_since_release = serializers.IntegerField(source="sample.number", help_text="Answered by the release.")
    is_exact = serializers.BooleanField(source="sample.is_exact", help_text="False where that number is an estimate.")
    is_recent = serializers.BooleanField(
        source="sample.is_recent", help_text="True where only the newest 100,000 could be drawn from."
    )
    sampled = serializers.IntegerField(source="tally.sampled", default=0)
    would_flip = serializers.IntegerField(
        allow_null=True, help_text="Of all decisions since the release; an estimate unless all were drawn."
    )
    flip_interval = serializers.ListField(
        child=serializers.IntegerField(), allow_null=True, help_text="With 95 % confidence (Clopper and Pearson)."
    )
    directions = serializers.DictField(
        source="tally.directions",
        child=serializers.IntegerField(),
        default=dict,
        help_text="Of the sample, by the label that it flips to; for values `higher` and `lower`.",
    )
    refused = serializers.IntegerField(
        source="tally.refused", default=0, help_text="Of the sample, inputs that the target's schema would refuse."
    )
    failed = serializers.IntegerField(source="tally.failed", default=0, help_text="For which the target has no score.")
    erased = serializers.IntegerField(source="tally.erased", default=0, help_text="Of which nothing can be read.")
    rule = serializers.CharField(help_text="What counts as another decision.")


class ApprovalBody(serializers.Serializer):
    """A signature under which a version went live."""

    by = serializers.CharField(source="decided_by")
    roles = serializers.ListField(child=serializers.CharField())
    at = serializers.DateTimeField(source="decided_at")


class IntervalBody(serializers.Serializer):
    """One release while it was in force; `until` is null for the one that is."""

    release = serializers.IntegerField(source="release.number")
    version = serializers.IntegerField(source="release.version.number")
    artifact_sha256 = serializers.CharField(source="release.version.artifact_sha256")
    since = serializers.DateTimeField(source="release.released_at")
    until = serializers.DateTimeField(allow_null=True)
    strategy = serializers.CharField(source="release.strategy")
    released_by = serializers.CharField(source="release.released_by")
    reason = serializers.CharField(source="release.reason")
    is_rollback = serializers.BooleanField(source="release.is_rollback")
    is_break_glass = serializers.BooleanField(source="release.is_break_glass")
    is_ratified = serializers.BooleanField(help_text="Only one without approval is ever ratified.")
    approvals = ApprovalBody(many=True)
    decisions = serializers.IntegerField(source="decisions.number", help_text="Answered by it.")
    is_exact = serializers.BooleanField(
        source="decisions.is_exact", help_text="False where the number of decisions is an estimate."
    )


class TimelineBody(serializers.Serializer):
    """What was live when, newest first; and at the moment, if one was asked for."""

    at = IntervalBody(allow_null=True, help_text="What was in force at `at`; null where nothing was, or without it.")
    intervals = IntervalBody(many=True)
    next = serializers.CharField(allow_null=True, help_text="Where the older ones are.")


class SystemTimeline(Endpoint):
    """What was live when."""

    @extend_schema(parameters=[AT, SINCE, UNTIL, BEFORE], responses=TimelineBody)
    def get(self, request: Any, slug: str) -> Response:
        """Each release while it was in force, newest first, twenty at a time."""
        system = queries.system_for(self.actor, slug)
        moment, since, until = (_moment(request, name) for name in ("at", "since", "until"))
        found = timeline_of(system, since=since, until=until, before=_before(request))
        older = request.query_params.copy() if found.older else None
        if older is not None:
            older["before"] = str(found.older)
        next_url = request.build_absolute_uri(f"{request.path}?{older.urlencode()}") if older is not None else None
        at = interval_at(system, moment) if moment else None
        return Response(TimelineBody({"at": at, "intervals": found.intervals, "next": next_url}).data)


def _before(request: Any) -> int | None:
    text = request.query_params.get("before", "")
    number = number_in(text)
    if text and number is None:
        raise Invalid("This is no release.", details=[Problem("before", "must be the number of a release")])
    return number


class ReleaseList(Endpoint):
    """Releases of a system."""

    @extend_schema(request=ReleaseBody, responses={201: ReleaseMade})
    def post(self, request: Any, slug: str) -> Response:
        """Make a version live; `blue_green` is refused (409) unless every gateway has it ready."""
        system = queries.system_for(self.actor, slug)
        wanted = valid(ReleaseBody(data=request.data))
        asked = {
            "actor": self.actor,
            "system": system,
            "version": queries.version_for(self.actor, slug, wanted["version"]),
            "reason": wanted["reason"],
            "expected_release": wanted["expected_release"],
            "now": timezone.now(),
        }
        if wanted["break_glass"]:
            need_fresh(request, wanted.get("password"))
            release = services.release_unapproved(**asked)
        else:
            release = services.create_release(strategy=wanted["strategy"], **asked)
        made = {"release": release.number, "version": release.version.number, "strategy": release.strategy}
        return Response({**made, "is_break_glass": release.is_break_glass}, status=status.HTTP_201_CREATED)


class ReleaseRatification(Endpoint):
    """A release that nobody had approved, ratified by a second person."""

    @extend_schema(request=RatifyBody, responses={201: Ratified})
    def post(self, request: Any, slug: str, number: int) -> Response:
        release = queries.release_for(self.actor, slug, number)
        wanted = valid(RatifyBody(data=request.data))
        need_fresh(request, wanted.get("password"))
        made = services.ratify_release(
            actor=self.actor, release=release, reason=wanted["reason"], now=timezone.now()
        )
        return Response(Ratified(made).data, status=status.HTTP_201_CREATED)


class Rollback(Endpoint):
    """Production returned to the last stable version."""

    @extend_schema(request=RollbackBody, responses=ReleaseMade)
    def post(self, request: Any, slug: str) -> Response:
        system = queries.system_for(self.actor, slug)
        wanted = valid(RollbackBody(data=request.data))
        release, replaced = services.roll_back(actor=self.actor, system=system, now=timezone.now(), **wanted)
        made = {"release": release.number, "version": release.version.number, "replaced_version": replaced.number}
        return Response(made)


class RollbackPreview(Endpoint):
    """What a rollback would do."""

    @extend_schema(responses=PreviewBody)
    def get(self, request: Any, slug: str) -> Response:
        """What a rollback would do, seen on at most 2,000 of the decisions since the release, drawn at random.

        They are made again by the target; their inputs are shown to nobody. Each preview is recorded.
        """
        system = queries.system_for(self.actor, slug)
        seen = preview_of(system)
        services.record_preview(actor=self.actor, system=system, preview=seen)
        return Response(PreviewBody(seen).data)


class ProductionPointer(Endpoint):
    """What is live, or was live at a moment."""

    @extend_schema(parameters=[AT, WAIT, SEEN], responses={200: Production, 304: None})
    def get(self, request: Any, slug: str) -> Response:
        """What is live, or was live at a moment.

        The answer's `ETag` changes when another release comes into force. Sent back as `If-None-Match`, it is answered
        304 while nothing has changed; with `wait`, that answer comes after so many seconds, or the new pointer as soon
        as it moves. At most three requests wait at a time: others are answered at once, with `Retry-After`.
        """
        system = queries.system_for(self.actor, slug)
        moment, seconds = _moment(request, "at"), _seconds(request)
        seen = request.headers.get("If-None-Match")
        if seen and seconds and moment is None:
            look = partial(self._now, system)
            body, waited = wait_for(look, lambda body: _etag(body) != seen, seconds)
        else:
            body, waited = _production(self._release(system, moment)), True
        headers = {"ETag": _etag(body)} | ({} if waited else {"Retry-After": "1"})
        if headers["ETag"] != seen:
            return Response(body, headers=headers)
        return Response(status=status.HTTP_304_NOT_MODIFIED, headers=headers)

    def _now(self, system: System) -> dict[str, Any]:
        return _production(self._release(system, None))

    def _release(self, system: System, moment: datetime | None) -> Release:
        release = queries.release_at(system, moment) if moment else queries.current_release(system)
        if release is None:
            raise Hidden("Nothing was live then." if moment else "Nothing is live.")
        return release


def _moment(request: Any, name: str) -> datetime | None:
    """The time in the query, if there is one; `Invalid` for text that is none."""
    text = request.query_params.get(name, "")
    moment = utc_in(text)
    if text and moment is None:
        problem = Problem(name, "must be an RFC 3339 time with an offset")
        raise Invalid("The time cannot be read.", details=[problem])
    return moment


def _seconds(request: Any) -> int:
    text = request.query_params.get("wait", "0")
    if len(text) > 2 or not (text.isascii() and text.isdigit()) or int(text) > MOST_SECONDS:
        problem = Problem("wait", f"must be a whole number of seconds from 0 to {MOST_SECONDS}")
        raise Invalid("This cannot be waited for.", details=[problem])
    return int(text)


def _etag(body: dict[str, Any]) -> str:
    return f'"{hashlib.sha256(json.dumps(body, default=str).encode()).hexdigest()[:32]}"'


def _production(release: Release) -> dict[str, Any]:
    candidate = release.candidate
    return {
        "release": release.number,
        "version": release.version.number,
        "artifact_sha256": release.version.artifact_sha256,
        "since": release.released_at,
        "strategy": release.strategy,
        "candidate": {"version": candidate.number, "weight_bp": release.weight_bp} if candidate else None,
    }
