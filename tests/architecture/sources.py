"""The project's own files, for tests that read them."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("portal", "audit", "registry", "explain")


def python_files(*, migrations: bool = False) -> list[Path]:
    """Every module of the product."""
    found = [file for app in APPS for file in sorted((ROOT / app).rglob("*.py"))]
    return [file for file in found if ("migrations" in file.parts) == migrations]


def templates() -> list[Path]:
    """Every page and component."""
    return sorted((ROOT / "templates").rglob("*.html"))


def lines_with(files: list[Path], pattern: str) -> list[str]:
    """`path:line: text` of every line in which the pattern is found."""
    import re

    found = []
    for file in files:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            if re.search(pattern, line):
                found.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()}")
    return found


@cache
def functions(file: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function in the file, methods among them."""
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
