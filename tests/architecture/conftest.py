"""What has grown large, said at the end of the run: a reason to look, not to fail."""

from __future__ import annotations

from typing import Any

from .sources import ROOT, functions, python_files, templates

LINES_OF_FUNCTION, LINES_OF_FILE, LINES_OF_TEMPLATE = 40, 400, 120


def large() -> list[str]:
    """Functions, files and templates beyond their usual size."""
    found = []
    for file in python_files():
        lines = len(file.read_text(encoding="utf-8").splitlines())
        if lines > LINES_OF_FILE:
            found.append(f"{file.relative_to(ROOT)} has {lines} lines")
        for function in functions(file):
            length = (function.end_lineno or 0) - function.lineno + 1
            if length > LINES_OF_FUNCTION:
                found.append(f"{file.relative_to(ROOT)}:{function.lineno} {function.name} has {length} lines")
    for file in templates():
        lines = len(file.read_text(encoding="utf-8").splitlines())
        if lines > LINES_OF_TEMPLATE:
            found.append(f"{file.relative_to(ROOT)} has {lines} lines")
    return found


def pytest_terminal_summary(terminalreporter: Any) -> None:
    found = large()
    if found:
        terminalreporter.section("grown large (no failure)")
        for line in found:
            terminalreporter.write_line(line)
