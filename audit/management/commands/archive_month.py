"""`archive_month YYYY-MM [--drop]`: a month's entries in an archive that was read back; then out of the database."""

from datetime import datetime

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from audit.retention.archive import ArchiveFailed
from audit.retention.policies import archive_month, drop_month
from portal.accounts.access import actor_for_process
from portal.errors import Refusal


class Command(BaseCommand):
    help = "Archive a month that is over to VAR_DIR/archive and read it back; with --drop take it out of the database."

    def add_arguments(self, parser):
        parser.add_argument("month", help="YYYY-MM")
        parser.add_argument("--drop", action="store_true", help="drop it, if every rule allows")

    def handle(self, *args, month, drop, **options):
        try:
            first_day = datetime.strptime(month, "%Y-%m").date()
        except ValueError:
            raise CommandError(f"{month} is no month; write it as 2026-01.") from None
        given = {"actor": actor_for_process("operator"), "month": first_day, "now": timezone.now, "say": self.say}
        try:
            archive_month(**given)
            if drop:
                drop_month(**given)
        except (ArchiveFailed, Refusal) as error:
            raise CommandError(str(error)) from None

    def say(self, line):
        self.stdout.write(line)
        self.stdout.flush()
