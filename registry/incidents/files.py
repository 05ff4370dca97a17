"""Files of a case: taken by their content alone, and kept in the transaction of the act that brings them."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from audit.identifiers import new_id
from portal.accounts.access import Actor
from portal.errors import Conflict, Invalid, Problem, TooLarge
from portal.sniffing import MAX_BYTES, WORDS, media_type_of, plain_name
from registry.models import Incident, IncidentFile, IncidentMessage

MOST_FILES = 100


def store_file(
    *,
    actor: Actor,
    incident: Incident,
    name: str,
    content: bytes,
    message: IncidentMessage | None = None,
    now: datetime,
) -> IncidentFile:
    """The file, kept with a locked case or a message in it.

    `TooLarge` beyond 5 MiB, `Invalid` for what is none of the four kinds, `Conflict` for more than a case holds.
    """
    if len(content) > MAX_BYTES:
        raise TooLarge(f"The file is larger than {MAX_BYTES // (1024 * 1024)} MiB.", code="file_too_large")
    media_type = media_type_of(content)
    if media_type is None:
        raise Invalid(f"The file is no {WORDS}.", details=[Problem("file", f"must be {WORDS}, by its content")])
    if incident.files.count() >= MOST_FILES:
        raise Conflict(f"A case holds at most {MOST_FILES} files.", code="too_many_files")
    return IncidentFile.objects.create(
        id=new_id(),
        incident=incident,
        message=message,
        name=plain_name(name, media_type),
        media_type=media_type,
        content=content,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        added_by=actor.label,
        added_at=now,
    )


def told_of(file: IncidentFile) -> dict[str, Any]:
    """What the trail says of a file."""
    return {"name": file.name, "bytes": file.size, "sha256": file.sha256}
