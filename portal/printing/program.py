"""The typesetter's process: a job as JSON at its input, a PDF at its output; else an exit code that says why not."""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import typst

from portal.printing.codes import CANNOT_SHOW, FAILED

# Accessible (tagged) and with an embedded file; the archive of AI Act Art. 18 is for ten years.
STANDARD: Literal["a-3a"] = "a-3a"
MEMORY_BYTES = 2 * 1024**3
# One character after a letter, since marks stand on one.
PROBE = b"""
#set document(title: "probe", date: auto)
#set text(font: "Libertinus Serif", lang: "en")
#json(bytes(sys.inputs.content))
"""
# Looking for the characters that cannot be shown ends after so many, and so many seconds.
MOST_NAMED = 20
PROBE_SECONDS = 5.0


def main() -> int:
    """Print what the input says. 3 and a JSON text of characters where some cannot be shown."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    job = json.load(sys.stdin.buffer)
    content = json.dumps(job["content"], sort_keys=True)
    attached = job["attached"]
    if not isinstance(attached, str):
        attached = json.dumps(attached, indent=1, sort_keys=True, ensure_ascii=False)
    layout = Path(job["layout"])
    at = datetime.fromtimestamp(int(job["at"]), UTC)
    pdf, error = _compiled(layout.read_bytes(), {"content": content, "attached": attached}, at, layout.parent)
    if pdf is not None:
        sys.stdout.buffer.write(pdf)
        return 0
    sys.stderr.write(error)
    unshown = _unshown(_strings(job["content"]))
    if unshown:
        sys.stdout.write(json.dumps(unshown))
        return CANNOT_SHOW
    return FAILED


def _compiled(source: bytes, inputs: dict[str, str], at: datetime, root: Any = None) -> tuple[bytes | None, str]:
    # Files are read from below the root alone.
    try:
        made = typst.compile(
            source, root=root, format="pdf", sys_inputs=inputs, pdf_standards=[STANDARD], timestamp=at
        )
    except BaseException as error:  # noqa: BLE001 - a panic of the library is no Exception
        # What it quotes may be somebody's words.
        return None, f"{type(error).__name__}: {re.sub('`[^`]*`', '`…`', str(error))}"
    return made, ""


def _unshown(text: str) -> str:
    found, end = "", time.monotonic() + PROBE_SECONDS
    for char in sorted({char for char in text if not char.isascii()}):
        if len(found) == MOST_NAMED or time.monotonic() > end:
            break
        pdf, _ = _compiled(PROBE, {"content": json.dumps(f"a{char}")}, datetime.fromtimestamp(0, UTC))
        found += char if pdf is None else ""
    return found


def _strings(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "".join(map(_strings, value.values()))
    return "".join(map(_strings, value)) if isinstance(value, list) else ""


if __name__ == "__main__":
    sys.exit(main())
