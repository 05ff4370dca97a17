"""`roll_back`: production back on the last stable version, from a shell, when the pages cannot be reached.

Exit codes: 0 production is back and every gateway that is there follows; 1 refused, or the database does not answer;
2 wrong arguments, or no such system; 3 not confirmed; 4 production is back, but a gateway does not follow.
"""

from __future__ import annotations

import os
import pwd
import sys
import time

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from portal.accounts.access import actor_for_process
from portal.errors import Refusal
from registry import queries
from registry.models import Release, System
from registry.releasing import services
from registry.releasing.gateways import standings, title
from registry.releasing.preview import Preview, preview_of

OPERATOR = actor_for_process("command-line")
REFUSED, MISUSED, NOT_CONFIRMED, NOT_FOLLOWED = 1, 2, 3, 4
# A gateway follows within milliseconds, and says so at once.
FOLLOW_SECONDS = 5.0


class Command(BaseCommand):
    help = "Return a system's production to the last stable version; shows first what that would change, and asks."

    def add_arguments(self, parser):
        parser.add_argument("system", help="the system's short name, for instance mortgage")
        parser.add_argument("--reason", required=True, help="why; kept in the trail for good")
        words = "refuse unless this release is in force; by default the one that the preview was made of"
        parser.add_argument("--expected-release", type=int, metavar="N", help=words)
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args, system, reason, expected_release=None, yes=False, **options):
        try:
            self._run(system, reason, expected_release, yes)
        except Refusal as refusal:
            raise CommandError(refusal.message, returncode=REFUSED) from None
        except DatabaseError as error:
            raise CommandError(str(error).strip(), returncode=REFUSED) from None

    def _run(self, slug: str, reason: str, expected_release: int | None, yes: bool) -> None:
        if not reason.strip():
            raise CommandError("--reason must say why.", returncode=MISUSED)
        system = queries.systems_visible_to(OPERATOR).filter(slug=slug).first()
        if system is None:
            raise CommandError(f"There is no system called {slug}.", returncode=MISUSED)
        seen = preview_of(system)
        services.record_preview(actor=OPERATOR, system=system, preview=seen, os_user=_os_user())
        self._tell(system, seen)
        if not seen.found.is_possible:
            raise CommandError("Nothing was done.", returncode=REFUSED)
        if not yes and not self._confirmed():
            raise CommandError("Not confirmed. Nothing was done.", returncode=NOT_CONFIRMED)
        made, replaced = services.roll_back(
            actor=OPERATOR,
            system=system,
            reason=reason,
            # What was shown is what is rolled back.
            expected_release=seen.release.number if expected_release is None and seen.release else expected_release,
            now=timezone.now(),
            details={"os_user": _os_user()},
        )
        words = f"version {made.version.number} is live, version {replaced.number} is quarantined"
        self.stdout.write(f"Release {made.number}: {words}.")
        self._follow(system, made)

    def _tell(self, system: System, seen: Preview) -> None:
        if seen.release and seen.target:
            now = f"release {seen.release.number}, version {seen.release.version.number}"
            self.stdout.write(f"{system.name}: {now} is live; a rollback returns to version {seen.target.number}.")
        for problem in seen.found.problems:
            self.stdout.write(f"  ! {problem}")
        if seen.tally is None or seen.flip_interval is None:
            return
        about = "" if seen.sample.is_exact else "about "
        self.stdout.write(f"  {about}{seen.sample.number} decisions since then, {seen.tally.sampled} made again:")
        low, high = seen.flip_interval
        between = "" if seen.sample.is_all else f" (between {low} and {high} with 95 % confidence)"
        self.stdout.write(f"  {seen.would_flip} would be others{between}. {seen.rule}")
        for towards, count in seen.tally.directions.items():
            self.stdout.write(f"    {count} would be {towards}")
        for count, words in ((seen.tally.refused, "would be refused"), (seen.tally.failed, "would fail")):
            if count:
                self.stdout.write(f"    {count} {words}")

    def _confirmed(self) -> bool:
        self.stdout.write("Return production? Type yes: ", ending="")
        self.stdout.flush()
        return sys.stdin.readline().strip().lower() == "yes"

    def _follow(self, system: System, made: Release) -> None:
        """Wait until each gateway says that it serves the release."""
        started = time.monotonic()
        while time.monotonic() - started < FOLLOW_SECONDS:
            behind = [item.report for item in standings(system, made) if not item.is_current]
            if not behind:
                break
            time.sleep(0.05)
        gateways = len(standings(system, made))
        if not gateways:
            self.stdout.write("No gateway is heard of; one that starts serves this release.")
        elif not behind:
            words = f"{gateways} gateway{'s serve' if gateways > 1 else ' serves'} it"
            self.stdout.write(f"{words} after {time.monotonic() - started:.1f} s.")
        else:
            names = ", ".join(title(report) for report in behind)
            raise CommandError(f"After {FOLLOW_SECONDS:.0f} s this does not follow: {names}.", returncode=NOT_FOLLOWED)


def _os_user() -> str:
    """Who runs this, by the system's own book and not by what the environment says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
