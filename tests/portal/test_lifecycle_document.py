"""The document of the lifecycles says what the tables say."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from portal.management.commands import write_lifecycle


def test_the_document_is_the_tables() -> None:
    call_command("write_lifecycle", check=True)


def test_a_stale_one_is_told_and_mended(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(write_lifecycle, "FILE", tmp_path / "lifecycle.md")
    write_lifecycle.FILE.write_text("old")
    with pytest.raises(CommandError, match="stale"):
        call_command("write_lifecycle", check=True)
    call_command("write_lifecycle", verbosity=0)
    call_command("write_lifecycle", check=True)
