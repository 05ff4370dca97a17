"""`issue_token`: a new service token, printed this once, alone on the last line."""

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal.accounts.access import Scope, actor_for_process
from portal.desks.services import issue_token
from portal.errors import Refusal


class Command(BaseCommand):
    help = "Make a service token with the given scopes and print it once."

    def add_arguments(self, parser):
        parser.add_argument("name")
        parser.add_argument("--scope", action="append", required=True, choices=list(Scope), dest="scopes")

    def handle(self, *args, name, scopes, **options):
        try:
            token = issue_token(name=name, scopes=scopes, actor=actor_for_process("operator"), now=timezone.now())
        except Refusal as refusal:
            raise CommandError(" ".join([refusal.message, *(item.problem for item in refusal.details)])) from None
        self.stderr.write(f"Token {name} ({', '.join(scopes)}). It is shown only now:")
        self.stdout.write(token)
