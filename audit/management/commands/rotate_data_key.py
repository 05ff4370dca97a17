"""`rotate_data_key`: a new data key, every entry's key wrapped anew, the old one destroyed."""

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from audit.erasure.rotation import SETTLE_SECONDS, CannotRotate, rotate_data_key
from portal.accounts.access import actor_for_process


class Command(BaseCommand):
    help = "Rotate the key that wraps every entry's key; makes confirmed erasures effective in backups too."

    def add_arguments(self, parser):
        words = "how long every process may take to read the new key (default: %(default)s)"
        parser.add_argument("--settle", type=float, default=SETTLE_SECONDS, metavar="SECONDS", help=words)

    def handle(self, *args, settle, **options):
        try:
            rotate_data_key(actor=actor_for_process("operator"), say=self.say, now=timezone.now, settle=settle)
        except CannotRotate as error:
            raise CommandError(str(error)) from None

    def say(self, line):
        self.stdout.write(line)
        self.stdout.flush()
