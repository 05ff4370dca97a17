"""What the maxima ask for, once a day."""

from __future__ import annotations

import logging

from django.utils import timezone

from audit.retention import policies
from audit.retention.archive import ArchiveFailed
from portal.accounts.access import actor_for_process
from portal.errors import Conflict
from portal.queue import app

log = logging.getLogger(__name__)


@app.task(name="audit.retention.tasks.keep_to_policies", time_limit=540)
def keep_to_policies() -> None:
    """Expire, archive and drop what is due. A month too large for one run is the command's: `archive_month`."""
    try:
        policies.keep_to_policies(actor=actor_for_process("retention"), now=timezone.now, say=log.info)
    except (ArchiveFailed, Conflict) as error:
        # The next day tries again; the page shows what is still there.
        log.error("Retention stopped: %s", error)
