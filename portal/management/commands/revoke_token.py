"""`revoke_token`: a service token is refused from now on, by the portal and by every gateway."""

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal.accounts.access import actor_for_process
from portal.desks.services import revoke_token
from portal.errors import Refusal


class Command(BaseCommand):
    help = "End a service token for good; whoever uses it is refused from now on."

    def add_arguments(self, parser):
        parser.add_argument("name")

    def handle(self, *args, name, **options):
        try:
            revoke_token(name=name, actor=actor_for_process("operator"), now=timezone.now())
        except Refusal as refusal:
            raise CommandError(refusal.message) from None
        self.stderr.write(f"Token {name} is refused from now on.")
