"""The only way to open an artifact that nobody has approved: in a process of its own, with limits."""

from __future__ import annotations

import json
import signal
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .forking import ForkServer, NotStarted, server

# Address space, not memory in use. Measured on the mortgage models without a limit: VmPeak 1.4 GiB (ONNX)
# to 1.6 GiB (a forest of 500 trees, 33 MB), of which at most 0.35 GiB is ever touched; pyarrow's and
# OpenBLAS's arenas reserve the rest. Good models still pass under 640 MiB (the forest under 768 MiB),
# fail under 512, and the forest costs about four times its file. 3 GiB gives the largest file that we
# unpack (512 MiB) room as bytes, arrays and parsed JSON, and stops what would take the machine.
MEMORY_BYTES = 3 * 1024**3
TIMEOUT_S = 60.0
MAX_ANSWER = 1024 * 1024
OPEN_FILES = 64
_NO_ANSWER = "The examination ended without an answer."


@dataclass(frozen=True)
class Report:
    """What came of an examination. If `ok` is false, `code` and `message` say why and the rest is empty."""

    ok: bool
    code: str = ""
    message: str = ""
    details: list[dict[str, str]] = field(default_factory=list)
    rows: int = 0
    sample: str = ""
    score_min: float | None = None
    score_mean: float | None = None
    score_max: float | None = None
    positive_rate: float | None = None
    feature_names: list[str] = field(default_factory=list)
    libraries: dict[str, str] = field(default_factory=dict)
    confinement: list[str] = field(default_factory=list)
    load_ms: float | None = None
    score_ms_per_row: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the shape that is stored as evidence."""
        if self.ok:
            return {key: value for key, value in asdict(self).items() if key not in ("code", "message", "details")}
        return {"ok": False, "code": self.code, "message": self.message, "details": self.details}


def examine(
    artifact_path: str | Path,
    manifest: Mapping[str, Any],
    sample_path: str | Path | None,
    *,
    timeout_s: float = TIMEOUT_S,
    memory_bytes: int = MEMORY_BYTES,
    max_rows: int = 1_000,
    label: str | None = None,
) -> Report:
    """Load the artifact and score the sample in a subprocess; never raises for what the artifact does.

    Without a sample, rows are made up from the schema.
    """
    job = {
        "artifact": str(Path(artifact_path).resolve()),
        "manifest": manifest,
        "sample": None if sample_path is None else str(Path(sample_path).resolve()),
        "max_rows": max_rows,
        "label": label,
    }
    said = run("registry.scoring.examine", job, timeout_s=timeout_s, memory_bytes=memory_bytes)
    try:
        return Report(**said)
    except TypeError:
        return Report(**refused("artifact_unreadable", _NO_ANSWER))


def run(
    module: str,
    job: Mapping[str, Any],
    *,
    timeout_s: float = TIMEOUT_S,
    memory_bytes: int = MEMORY_BYTES,
    max_answer: int = MAX_ANSWER,
    afresh: bool = False,
) -> dict[str, Any]:
    """What the module answers to the job in a subprocess of its own: `ok`, and `code` and `message` where it is not.

    Libraries are there already (`forking`), unless it is to be run `afresh`, sharing not even a hash seed with others.
    The subprocess gets no environment of ours, no network, limited memory, time and files; its crash or silence is a
    refusal with a code like any other. The module confines itself by the job's `limits` before it opens an artifact.
    """
    limits = {"memory_bytes": memory_bytes, "cpu_s": int(timeout_s) + 1, "answer": max_answer, "files": OPEN_FILES}
    # Files rather than pipes: the limit on file size also bounds what a captured process can answer.
    with tempfile.TemporaryFile() as question, tempfile.TemporaryFile() as answer:
        question.write(json.dumps({**job, "limits": limits}).encode())
        question.seek(0)
        files = (question.fileno(), answer.fileno())
        try:
            with ForkServer() if afresh else nullcontext(server) as chosen:
                status = _run(chosen, module, _format(job["manifest"]), files, timeout_s)
        except NotStarted:
            return refused("artifact_unreadable", "The examination could not be begun; try again.")
        if status is None:
            return refused("artifact_too_slow", f"Examining the artifact took longer than {timeout_s:g} s.")
        answer.seek(0)
        said = answer.read(max_answer)
    return _read(said, status)


def refused(code: str, message: str) -> dict[str, Any]:
    """An answer that says why there is no other."""
    return {"ok": False, "code": code, "message": message}


def _run(
    chosen: ForkServer, module: str, format_name: str, files: tuple[int, int], timeout_s: float, *, again: bool = True
) -> int | None:
    """Return the exit status, or None if the time ran out."""
    program = chosen.start(module, format_name, *files)
    try:
        return program.wait(timeout_s)
    except NotStarted:
        if not again:
            raise
    finally:
        program.end()
    # The server had just ended for want of work, or was killed.
    return _run(chosen, module, format_name, files, timeout_s, again=False)


def _format(manifest: object) -> str:
    """The format that the manifest names, if it names one."""
    model = manifest.get("model") if isinstance(manifest, Mapping) else None
    return str(model.get("format")) if isinstance(model, Mapping) else ""


def _read(said: bytes, status: int) -> dict[str, Any]:
    if status == 0:
        try:
            answer = json.loads(said.splitlines()[-1])
        except (ValueError, IndexError, RecursionError):
            answer = None
        return answer if _is_answer(answer) else refused("artifact_unreadable", _NO_ANSWER)
    if status == -signal.SIGXCPU:
        return refused("artifact_too_slow", "Examining the artifact used up its processor time.")
    if status == -signal.SIGKILL:
        return refused("artifact_too_large", "The examination was stopped by the system, most likely for memory.")
    if status < 0:
        name = signal.Signals(-status).name
        return refused("artifact_unreadable", f"The library that reads the artifact crashed on it ({name}).")
    return refused("artifact_unreadable", f"The examination ended without an answer (status {status}).")


def _is_answer(said: object) -> bool:
    """A captured process may say anything; what is passed on has at least the shape that callers rely on."""
    if not isinstance(said, dict) or not isinstance(said.get("ok"), bool):
        return False
    return said["ok"] or (isinstance(said.get("code"), str) and isinstance(said.get("message"), str))
