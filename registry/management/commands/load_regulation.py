"""`load_regulation`: a later state of the law, from a file of data; says what it changes."""

from __future__ import annotations

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal.accounts.access import actor_for_process
from portal.errors import Refusal
from registry.dossier.queries import law_before
from registry.dossier.regulation import difference
from registry.dossier.services import load_regulation

OPERATOR = actor_for_process("command-line")


class Command(BaseCommand):
    help = "Load a later state of the law; it is in force from the day that the file says."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, help="the law as JSON, in the form of registry/dossier/law/")

    def handle(self, *args, file, **options):
        try:
            law = load_regulation(actor=OPERATOR, said=file.read_bytes(), now=timezone.now())
        except OSError as error:
            raise CommandError(f"The file cannot be read: {error.strerror}.") from None
        except Refusal as refusal:
            where = "".join(f"\n  {problem.path}: {problem.problem}" for problem in refusal.details)
            raise CommandError(f"{refusal.message}{where}") from None
        self.stdout.write(f"{law.version}: {law.requirements.count()} points, in force from {law.in_force_from}.")
        if before := law_before(law):
            found = difference(before.requirements.all(), law.requirements.all())
            counts = f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed"
            self.stdout.write(f"Against {before.version}: {counts}.")
