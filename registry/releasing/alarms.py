"""What everybody must see at once: a gateway that answers by another release, and a release that nobody approved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.db import connection

from portal.accounts.access import Actor, Permission
from registry.releasing.gateways import ALIVE_SECONDS

# A swap takes milliseconds; a gateway that says later than this that it serves something else does not follow.
PATIENCE_SECONDS = 2
# A look-up in the index for each system, beside a handful of reports. What a gateway said before the release tells
# nothing, so its own report's time counts and not ours.
_ALARMS = """
with newest as (
  select s.slug, s.name, r.number, r.released_at, v.number as version,
    jsonb_build_object('release', r.number, 'version', v.number, 'artifact_sha256', v.artifact_sha256) as wanted
  from registry_system s
  cross join lateral (
    select number, version_id, released_at from registry_release where system_id = s.id order by number desc limit 1
  ) r
  join registry_version v on v.id = r.version_id
)
select n.slug, n.name, n.number, n.version, g.name, g.address,
  g.serves -> n.slug ->> 'version', g.serves -> n.slug ->> 'release', g.warm -> n.slug ->> n.version::text
from newest n join registry_gatewayreport g
  on g.seen_at > statement_timestamp() - make_interval(secs => %s)
  and g.seen_at > n.released_at + make_interval(secs => %s)
where g.serves -> n.slug is distinct from n.wanted
union all
select s.slug, s.name, r.number, v.number, null, null, null, null, null
from registry_release r join registry_system s on s.id = r.system_id join registry_version v on v.id = r.version_id
where r.is_break_glass and not exists (select from registry_ratification where release_id = r.id)
order by 1, 5, 3
"""


class Alarm(NamedTuple):
    """One sentence for every page, and the system that it is about."""

    system: str
    words: str
    is_off_pointer: bool


def alarms_for(actor: Actor) -> list[Alarm]:
    """The alarms of the systems that the actor may see; one query, none for who sees no systems."""
    return list(alarms()) if actor.may(Permission.SYSTEM_VIEW) else []


def alarms() -> Iterator[Alarm]:
    """Every alarm, system by system."""
    with connection.cursor() as cursor:
        cursor.execute(_ALARMS, [ALIVE_SECONDS, PATIENCE_SECONDS])
        rows = cursor.fetchall()
    for slug, name, release, version, gateway, where, served, served_release, why in rows:
        if gateway is None:
            words = f"{name}: version {version} went live without approval in release {release} and waits for one."
        else:
            serves = f"serves version {served}, release {served_release}" if served else "serves no version"
            reason = f" ({why})" if why else ""
            live = f"live is version {version}, release {release}{reason}"
            words = f"{name}: gateway {gateway} ({where}) {serves}; {live}."
        yield Alarm(slug, words, gateway is not None)
