"""Every gate with an input that must fail it, and what was said, as JSON on the last line.

    python -m tests.bench.gates_failing

The cases are those of the tests (`tests/registry/checking/failing.py`); no database and no product is needed.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import django

COLUMNS = ("gate", "input", "verdict", "said")


def main() -> None:
    """Try them in turn."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    from tests.registry.checking.failing import CASES  # here, since the apps' models must be there first

    rows = []
    for case in CASES:
        with tempfile.TemporaryDirectory(prefix="gates-") as folder:
            verdict, said = case.tried(Path(folder))
        rows.append(dict(zip(COLUMNS, (case.gate, case.what, verdict, said), strict=True)))
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
