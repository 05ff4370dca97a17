"""`up`: the whole product in the foreground; Ctrl-C stops all of it."""

from __future__ import annotations

import signal
import sys
import threading
import time

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from portal.demo.people import PASSWORD, PEOPLE
from portal.embedded.postgres import EmbeddedFailed
from portal.supervisor import product
from portal.supervisor.processes import Family, Program


class Command(BaseCommand):
    help = "Start PostgreSQL and Redis (unless given by URL), gateway, web, workers and scheduler; Ctrl-C stops all."

    def add_arguments(self, parser):
        parser.add_argument("--demo", action="store_true", help="also make the demo's data, once")

    def handle(self, *args, demo=False, **options):
        self.stopping = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stopping.set())
        family = Family(self.say)
        started = time.monotonic()
        try:
            with product.only_one():
                try:
                    self.start(family, demo, started)
                    self.watch(family)
                finally:
                    family.stop()
        except (product.CannotStart, EmbeddedFailed) as error:
            raise CommandError(str(error)) from None

    def start(self, family, demo, started):
        product.check_ports()
        product.start_services(family)
        product.remember(family)
        call_command("migrate", verbosity=0, interactive=False)
        # The database may be a restored one.
        call_command("replay_erasures", stdout=self.stdout)
        product.start_programs(family)
        product.remember(family)
        product.wait_until_healthy(lambda: self.stopping.is_set() or family.ended())
        if self.stopping.is_set() or family.ended():
            return
        self.say("up", f"ready after {time.monotonic() - started:.1f} s")
        self.addresses(demo)
        if demo:
            family.start(Program("demo", [sys.executable, "manage.py", "demo"], product.ONE_THREAD))
            product.remember(family)

    def watch(self, family):
        while not self.stopping.wait(0.3):
            ended = family.ended()
            if ended is None or ended[0] == "demo":
                # The product goes on without the demo's data; the demo has said itself what went wrong.
                continue
            raise CommandError(f"{ended[0]} ended with exit code {ended[1]}; everything is stopped.")
        self.say("up", "stopping")

    def addresses(self, demo):
        self.say("up", f"portal   {settings.PORTAL_URL}")
        self.say("up", f"gateway  {settings.GATEWAY_URL}")
        if demo:
            for person in PEOPLE:
                self.say("up", f"sign in as {person.username:<6} password {PASSWORD}   {person.role_label}")
        self.say("up", "Ctrl-C stops everything.")

    def say(self, name, line):
        self.stdout.write(f"{name:>8} │ {line}")
        self.stdout.flush()
