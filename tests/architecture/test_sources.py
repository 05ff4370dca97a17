"""What the house does nowhere, and what it does in one place only."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from .sources import APPS, ROOT, functions, lines_with, python_files


def test_imports_keep_to_the_contracts() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "pattern,allowed",
    [
        (r"\.delay\(|\.apply_async\(", set()),
        # Markdown with the writer's own HTML switched off.
        (r"\bmark_safe\b|\bformat_html\b|\bSafeString\b", {"registry/dossier/markdown.py"}),
        (r"csrf_exempt", set()),
        (r"\bpickle\.loads?\(|\bjoblib\.load\(|\beval\(|\bexec\(", set()),
        (r"@receiver\b|\b(pre|post)_(save|delete)\b", set()),
        (r"send_task\(", {"portal/queue.py"}),
        (r"\bprint\(", set()),
    ],
)
def test_nowhere_but_where_it_belongs(pattern: str, allowed: set[str]) -> None:
    assert [line for line in lines_with(python_files(), pattern) if line.split(":")[0] not in allowed] == []


def test_pages_endpoints_and_tasks_ask_queries_and_services() -> None:
    doors = [file for file in python_files() if file.name in {"views.py", "rest.py", "tasks.py"}]
    assert lines_with(doors, r"\.objects\b|\.save\(|transaction\.on_commit") == []


def test_services_take_the_time_and_never_look_at_the_clock() -> None:
    services = [file for file in python_files() if file.name == "services.py"]
    assert len(services) >= 5
    assert lines_with(services, r"timezone\.now|datetime\.now|time\.time\(") == []


def test_services_take_names_not_places() -> None:
    for file in python_files():
        if file.name != "services.py":
            continue
        for function in functions(file):
            if function.name.startswith("_") or function.name in {"token_digest", "report_digest", "append"}:
                continue
            places = [argument.arg for argument in function.args.args if argument.arg != "name"]
            assert places == [], f"{file.relative_to(ROOT)}: {function.name}({', '.join(places)})"


def test_a_state_is_assigned_in_one_place_for_each_machine() -> None:
    rows = [file for file in python_files() if "gateway" not in file.parts]
    places = [line.split(":")[0] for line in lines_with(rows, r"\.state = ")]
    assert sorted(places) == ["explain/moves.py", "registry/incidents/moves.py", "registry/moves.py"]


def test_migrations_stand_alone() -> None:
    ours = "|".join(APPS)
    assert lines_with(python_files(migrations=True), rf"^\s*(from|import) ({ours})\b") == []


def test_no_migration_is_missing(db: None) -> None:
    out = StringIO()
    call_command("makemigrations", "--check", "--dry-run", stdout=out)
    assert "No changes detected" in out.getvalue()


def test_every_module_says_what_it_owns() -> None:
    silent = [
        str(file.relative_to(ROOT))
        for file in python_files()
        if file.name != "__init__.py" and not ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_every_setting_that_is_a_secret_comes_from_the_environment() -> None:
    settings = (ROOT / "portal" / "settings.py").read_text(encoding="utf-8")
    for name in ("SECRET_KEY", "SUBJECT_KEY"):
        assert re.search(rf'^{name} = vault\.secret\("{name}", VAR_DIR\)$', settings, re.MULTILINE)


def test_every_command_has_a_test() -> None:
    commands = {file.stem for file in ROOT.glob("*/management/commands/*.py") if file.stem != "__init__"}
    tests = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("*.py"))
    untested = {name for name in commands if not re.search(rf"[\"']{name}[\"']", tests.replace("commands = {", ""))}
    assert commands >= {"issue_token", "verify_trail", "up", "demo", "migrate"} and untested == set()
