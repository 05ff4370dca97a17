"""The document of the lifecycles says what the tables say."""

from __future__ import annotations

from portal.management.commands.write_lifecycle import FILE, lifecycle_text


def test_the_document_is_the_tables() -> None:
    assert FILE.read_text(encoding="utf-8") == lifecycle_text(), "run: make manage ARGS=write_lifecycle"
