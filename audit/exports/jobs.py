"""Carrying out a claimed job: in steps that say how far it is, and that notice when nobody wants it any more."""

from __future__ import annotations

import errno
import logging
import shutil
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils import timezone

from audit.encryption import KeyUnknown, Unreadable
from audit.exports import files, queries, services, tables
from audit.exports.searching import search
from audit.models import Job
from portal.accounts.access import actor_for_process
from portal.errors import Conflict

WORKER = actor_for_process("export-worker")
NOTE_SECONDS = 1.0
# Making the files of a bundle against putting them into one file.
BUNDLE_SHARE = 0.8
SUFFIXES = {"zip": "zip", "parquet": "parquet", "csv": "csv.zip"}
log = logging.getLogger(__name__)


class Stopped(Exception):
    """The job was cancelled, or taken by another worker: leave, and keep nothing."""


class Work:
    """A claimed job under way. It is said to be alive at most once a second, and heard of then whether it still is."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._share, self._stopped, self._noted_at = 0.0, False, 0.0

    def report(self, share: float) -> None:
        """So much of 1 is done."""
        self._share = share
        self._note()

    def is_stopped(self) -> bool:
        """Whether to leave off; asking is a sign of life too."""
        self._note()
        return self._stopped

    def step(self, share: float) -> None:
        """So much of 1 is done; `Stopped` when nobody wants more."""
        self.report(share)
        if self._stopped:
            raise Stopped

    def _note(self) -> None:
        if self._stopped or time.monotonic() - self._noted_at < NOTE_SECONDS:
            return
        self._stopped = not services.note_progress(job=self.job, progress=self._share, now=timezone.now())
        self._noted_at = time.monotonic()


def carry_out(work: Work) -> None:
    """Do the job to its end. A refusal, and whatever else goes wrong, is the caller's to tell."""
    job = work.job
    if job.kind == Job.Kind.SEARCH:
        services.finish_search(job=job, result=search(job, work.step), now=timezone.now())
        return
    kept = False
    folder = files.new_folder(job.pk, job.parameters["attempt"])
    try:
        result = _exported(work, folder)
        kept = services.finish_export(actor=WORKER, job=job, result=result, now=timezone.now())
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def words_for(error: Exception) -> str:
    """What the person is told of a fault that is no refusal."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "There is no room on the portal's disk. Tell whoever runs this portal."
    if isinstance(error, KeyUnknown | Unreadable):
        return f"A record cannot be opened ({error}): it or its key was changed. Have the trail's integrity checked."
    return "This failed through a fault of ours; it is in the log of the workers."


def _exported(work: Work, folder: Path) -> dict[str, Any]:
    facts = work.job.parameters
    since, until = (datetime.fromisoformat(facts[name]) for name in ("since", "until"))
    # Not beyond the asking: the act of asking is of this system too, and not sealed yet.
    until = min(until, work.job.asked_at)
    name = f"{facts['system']}-{since:%Y-%m-%d}-{until:%Y-%m-%d}.{SUFFIXES[facts['format']]}"
    target = folder / name
    target.touch(mode=0o600)
    if facts["format"] == "zip":
        made = _bundle(work, target, since, until)
    else:
        wanted = tables.Wanted(facts["system"], since, until, facts["redaction"] == queries.DISCLOSED)
        write = tables.write_parquet if facts["format"] == "parquet" else tables.write_csv
        made = write(target, wanted, work.step)
    work.step(1)
    return {**made, "file": str(target.relative_to(files.folder_of(work.job.pk))), **_measured(target)}


def _bundle(work: Work, target: Path, since: datetime, until: datetime) -> dict[str, Any]:
    from audit.exports.bundle import write_bundle  # here, since only this format needs it

    facts, folder = work.job.parameters, target.parent / "bundle"
    folder.mkdir(mode=0o700)
    made = write_bundle(
        folder,
        system=facts["system"],
        since=since,
        until=until,
        actor_label=work.job.asked_by,
        disclose=facts["redaction"] == queries.DISCLOSED,
        report=lambda share: work.report(share * BUNDLE_SHARE),
        cancelled=work.is_stopped,
    )
    if work.is_stopped():
        raise Stopped
    files.zip_folder(folder, target, lambda share: work.step(BUNDLE_SHARE + share * (1 - BUNDLE_SHARE)))
    shutil.rmtree(folder)
    return made


def _measured(file: Path) -> dict[str, Any]:
    if not file.stat().st_size:
        raise Conflict("Nothing was written.")
    return {"bytes": file.stat().st_size, "sha256": files.digest_of(file)}
