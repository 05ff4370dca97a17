"""`verify_trail`: exit 0 verified, 1 contradicted, 2 could not be checked."""

from __future__ import annotations

import json
import sys
from datetime import datetime

from django.core.management.base import BaseCommand
from django.db import DatabaseError
from django.utils import timezone

from audit.verifying import services
from audit.verifying.crew import CrewFailed
from audit.verifying.report import CONTRADICTED, NOT_CHECKED, VERIFIED, Report
from audit.verifying.tasks import VERIFYING
from portal.times import rfc3339

_EXIT = {VERIFIED: 0, CONTRADICTED: 1, NOT_CHECKED: 2}


class Command(BaseCommand):
    help = "Check the whole trail: entries, columns, payloads, writers' chains, the tree, checkpoints, cosignatures."

    def add_arguments(self, parser):
        parser.add_argument("--since", help="RFC 3339; check only entries from then on, and the tree from their leaves")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")
        parser.add_argument("--processes", type=int, default=0, help="how many; by default one for each processor")

    def handle(self, *args, since=None, processes=0, **options):
        moment = rfc3339(since or "")
        if since and moment is None:
            report = Report(error="--since is not an RFC 3339 time with an offset")
        elif processes < 0:
            report = Report(error="--processes is a number from 1 on")
        else:
            report = self._report(moment, processes)
        if options["json"]:
            self.stdout.write(json.dumps(report.said()))
        else:
            self._tell(report)
        sys.exit(_EXIT[report.verdict])

    def _report(self, since: datetime | None, processes: int) -> Report:
        try:
            report = services.check_trail(since=since, processes=processes)
        except (DatabaseError, CrewFailed, OSError) as error:
            return Report(error=str(error).strip())
        try:
            services.record_verification(actor=VERIFYING, report=report, since=since, now=timezone.now())
        except DatabaseError as error:
            report.remarks.append(f"This result could not be kept: {str(error).strip()}")
        return report

    def _tell(self, report: Report) -> None:
        rate = f"{report.seconds:.1f} s, {report.entries_per_second} entries a second"
        self.stdout.write(f"{report.verdict}: {report.entries} entries, a tree of {report.size} leaves ({rate})")
        if report.error:
            self.stdout.write(f"  {report.error}")
        for item in report.contradictions:
            self.stdout.write(f"  {item.entry}: {item.what}" if item.entry else f"  {item.what}")
        if report.contradicted > len(report.contradictions):
            self.stdout.write(f"  and {report.contradicted - len(report.contradictions)} more")
        for open_question in report.not_provable:
            self.stdout.write(f"  not provable here: {open_question.what} ({open_question.why})")
        for remark in report.remarks:
            self.stdout.write(f"  {remark}")
