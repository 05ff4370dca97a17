"""`write_lifecycle`: docs/lifecycle.md, made from the tables that the product itself follows."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from explain.lifecycle import DISPUTE_MOVES, DisputeState
from registry.lifecycle import TRANSITIONS, State, Transition

FILE = Path(settings.BASE_DIR) / "docs" / "lifecycle.md"
OPENING = """# Lifecycles

Made by `manage.py write_lifecycle` from the tables in `registry/lifecycle.py` and `explain/lifecycle.py`, which also
feed the buttons, the API and the services. A move that does not start in the present state is a 409 that names it.
"""


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
    disputes = [f"| {name} | {_states(sources)} | {target} |" for name, (sources, target) in DISPUTE_MOVES.items()]
    return "\n".join(
        [
            *(OPENING, "## A version\n", f"States: {_states(State)}.\n"),
            "| move | from | to | permission | rules |\n| --- | --- | --- | --- | --- |",
            *(*versions, "\n## A dispute\n", f"States: {_states(DisputeState)}.\n"),
            "| move | from | to |\n| --- | --- | --- |",
            *(*disputes, ""),
        ]
    )


def _version_row(move: Transition) -> str:
    rules = {
        "not the one who submitted it": move.bars_submitter,
        "a person": move.needs_person,
        "a fresh password": move.needs_password,
        "made by a release": move.by_release,
    }
    said = ", ".join(words for words, holds in rules.items() if holds)
    sources = _states(sorted(move.sources, key=list(State).index))
    return f"| {move.name} | {sources} | {move.target} | `{move.permission}` | {said} |"


def _states(states) -> str:
    return ", ".join(state.value for state in states)
