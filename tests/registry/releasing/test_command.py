"""Taking production back from a shell: what it shows, what it asks, what it records, and how it ends."""

from __future__ import annotations

import io
import os
import pwd
import subprocess
import sys
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command

from audit.models import Entry
from audit.queries import facts_of, text_of
from registry import store
from registry.models import System
from registry.queries import current_release
from tests.factories import applicants, decided_in_bulk, released, version

from .conftest import Says


@pytest.fixture
def two(system: System, lead) -> System:
    """Version 2 is live in release 2, with some decisions; version 1 stands by."""
    released(1)
    released(2)
    decided_in_bulk(applicants().held_out[:100], 2, release=2)
    return system


def run(*arguments: str, said: str = "") -> tuple[int, str]:
    """The exit code, and what it said."""
    out = io.StringIO()
    before, sys.stdin = sys.stdin, io.StringIO(said)
    try:
        call_command("roll_back", *arguments, stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue() + str(error)
    finally:
        sys.stdin = before
    return 0, out.getvalue()


def test_it_shows_asks_and_returns_production(two: System, gateway: Says) -> None:
    code, said = run("mortgage", "--reason", "It denies too many.", said="yes\n")
    assert code == 0
    assert "Mortgage: release 2, version 2 is live; a rollback returns to version 1." in said
    assert "100 decisions since then, 100 made again" in said and "would be others" in said
    assert "! No gateway has said" in said
    assert "Release 3: version 1 is live, version 2 is quarantined." in said
    told = Entry.objects.get(type="release.rolled_back")
    assert told.actor == "system:command-line" and text_of(told.id) == "It denies too many."
    user = pwd.getpwuid(os.getuid()).pw_name
    assert facts_of(told)["details"]["os_user"] == user
    assert facts_of(Entry.objects.get(type="rollback.previewed"))["details"]["os_user"] == user


@pytest.mark.parametrize("said", ["no\n", "", "y\n"])
def test_anything_but_yes_does_nothing(two: System, said: str) -> None:
    code, words = run("mortgage", "--reason", "r", said=said)
    assert (code, current_release(two).number) == (3, 2) and "Nothing was done" in words


def test_it_does_not_ask_when_told_so(two: System) -> None:
    assert run("mortgage", "--reason", "r", "--yes", "--expected-release", "2")[0] == 0


def test_what_is_refused_is_said(two: System, artifact_dir) -> None:
    code, said = run("mortgage", "--reason", "r", "--yes", "--expected-release", "1")
    assert code == 1 and "release 2 is in force, not 1" in said
    store.path_of(artifact_dir, version(1).artifact_sha256).unlink()
    code, said = run("mortgage", "--reason", "r", "--yes")
    assert code == 1 and "cannot be used" in said and "Nothing was done." in said
    assert current_release(two).number == 2


def test_without_a_target_it_says_so(system: System, lead) -> None:
    code, said = run("mortgage", "--reason", "r", "--yes")
    assert code == 1 and "Nothing is live" in said


@pytest.mark.parametrize("arguments", [("loans", "--reason", "r"), ("mortgage", "--reason", " ")])
def test_what_was_meant_is_asked_for(two: System, arguments: tuple[str, ...]) -> None:
    assert run(*arguments, "--yes")[0] == 2


def test_it_tells_of_a_gateway_that_does_not_follow(
    two: System, gateway: Says, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.management.commands.roll_back.FOLLOW_SECONDS", 0.3)
    gateway("north", serves=current_release(two), seen=60)
    code, said = run("mortgage", "--reason", "r", "--yes")
    assert code == 4 and "this does not follow: Gateway north (north.example:8001)" in said
    assert current_release(two).number == 3


def test_from_a_shell(committed: str, process_environment: Callable[[str], dict[str, str]]) -> None:
    released(1)
    two = released(2).system

    def shell(*arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", "roll_back", *arguments]
        own = process_environment(committed)
        return subprocess.run(command, env=own, input=said, capture_output=True, text=True, timeout=60)

    assert shell("mortgage").returncode == 2  # no reason
    refused = shell("mortgage", "--reason", "r", said="no\n")
    assert refused.returncode == 3 and "Nothing was done" in refused.stderr
    done = shell("mortgage", "--reason", "From a shell.", said="yes\n")
    assert done.returncode == 0, done.stderr
    assert current_release(two).version == version(1)
