"""`write_lifecycle`: docs/lifecycle.md, made from the tables that the product itself follows."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from explain.lifecycle import DISPUTE_MOVES, DisputeState
from explain.lifecycle import Transition as DisputeMove
from registry.incidents.lifecycle import TRANSITIONS as INCIDENT_MOVES
from registry.incidents.lifecycle import Transition as IncidentMove
from registry.lifecycle import TRANSITIONS, State, Transition
from registry.models import IncidentState

FILE = Path(settings.BASE_DIR) / "docs" / "lifecycle.md"
OPENING = """# Lifecycles

Made by `manage.py write_lifecycle` from the tables in `registry/lifecycle.py`, `explain/lifecycle.py` and
`registry/incidents/lifecycle.py`, which also feed the buttons, the API and the services. A move that does not start in
the present state is a 409 that names it.
"""
_TABLE = "| move | from | to | permission | rules |\n| --- | --- | --- | --- | --- |"


class Command(BaseCommand):
    help = "Write docs/lifecycle.md anew, or say whether it is as it should be."

    def add_arguments(self, parser):
        parser.add_argument("--check", action="store_true", help="change nothing; fail when the document is stale")

    def handle(self, *args, **options):
        if options["check"]:
            if FILE.read_text(encoding="utf-8") != lifecycle_text():
                raise CommandError("docs/lifecycle.md is stale: run `make manage ARGS=write_lifecycle`.")
            return
        FILE.write_text(lifecycle_text(), encoding="utf-8")
        self.stdout.write(f"{FILE.name} is written")


def lifecycle_text() -> str:
    """The whole document."""
    versions = [_version_row(move) for move in TRANSITIONS]
    disputes = [_dispute_row(move) for move in DISPUTE_MOVES]
    incidents = [_incident_row(move) for move in INCIDENT_MOVES]
    return "\n".join(
        [
            *(OPENING, "## A version\n", f"States: {_states(State)}.\n"),
            _TABLE,
            *(*versions, "\n## A dispute\n", f"States: {_states(DisputeState)}.\n"),
            _TABLE,
            *(*disputes, "\n## An incident\n", f"States: {_states(IncidentState)}.\n"),
            _TABLE,
            *(*incidents, ""),
        ]
    )


def _version_row(move: Transition) -> str:
    rules = {
        "not the one who submitted it": move.bars_submitter,
        "a person": move.needs_person,
        "a fresh password": move.needs_password,
        "made by a release": move.by_release,
        "also while an incident holds the version": move.while_held,
    }
    return _row(move, rules, list(State))


def _dispute_row(move: DisputeMove) -> str:
    rules = {
        "not the one who took the case in": move.bars_receiver,
        "a role to which the system's policy gives the authority": move.needs_authority,
        "the reviewer": move.needs_reviewer,
        "a person": move.needs_person,
        "a reason": move.needs_reason,
        "made when the explanation is finished": move.by_explanation,
    }
    return _row(move, rules, list(DisputeState))


def _incident_row(move: IncidentMove) -> str:
    rules = {"a person, a reason": not move.by_report, "made by noting down that a report was sent": move.by_report}
    return _row(move, rules, list(IncidentState))


def _row(move: Transition | DisputeMove | IncidentMove, rules: dict[str, bool], order: list) -> str:
    said = ", ".join(words for words, holds in rules.items() if holds)
    sources = _states(sorted(move.sources, key=order.index))
    return f"| {move.name} | {sources} | {move.target} | `{move.permission}` | {said} |"


def _states(states) -> str:
    return ", ".join(state.value for state in states)
