"""`replay_erasures`: after a restore, erase again what was erased before; otherwise nothing happens."""

from django.core.management.base import BaseCommand
from django.utils import timezone

from audit.erasure.replay import replay_erasures
from portal.accounts.access import actor_for_process


class Command(BaseCommand):
    help = "Erase again what a restored backup brought back, by the database and by VAR_DIR/trail/erasures.jsonl."

    def handle(self, *args, verbosity, **options):
        done = replay_erasures(actor=actor_for_process("operator"), now=timezone.now())
        if done.erasures or verbosity > 1:
            self.stdout.write(f"{done.erasures} erasures done again, of {done.decisions} decisions.")
