"""`demo`: the demo's data, made once through the product's own doors; started again, it goes on."""

from __future__ import annotations

import time

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.demo import story
from portal.demo.callers import GatewayFailed
from portal.errors import Refusal


class Command(BaseCommand):
    help = "Make the demo's data; the product must be running (`manage.py up --demo` does both)."

    def handle(self, *args, **options):
        if not settings.DEMO_MODE:
            raise CommandError("The demo's accounts have a public password: set DEMO_MODE=1 to allow them.")
        started = time.monotonic()
        try:
            story.tell(self.say)
        except (story.StoryFailed, GatewayFailed, Refusal, OSError) as error:
            raise CommandError(f"The demo's data is incomplete: {error} Start again to go on.") from error
        self.say(f"demo data is there ({time.monotonic() - started:.1f} s)")

    def say(self, line):
        self.stdout.write(line)
        self.stdout.flush()
