"""Where the embedded services keep their state and their sockets."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

# A socket's path may hold 107 bytes (sun_path); ".s.PGSQL.5432" takes 14 of them.
_LONGEST_RUN_DIR = 85


def run_dir(var_dir: Path) -> Path:
    """The directory of sockets and pid files: `VAR_DIR/run`, or a short one where that path is too long."""
    usual = var_dir / "run"
    if len(os.fsencode(usual)) <= _LONGEST_RUN_DIR:
        return usual
    digest = hashlib.sha256(os.fsencode(var_dir)).hexdigest()[:16]
    return Path("/tmp") / f"countersign-{os.geteuid()}-{digest}"


def redis_socket(var_dir: Path) -> Path:
    """The socket on which the embedded Redis listens."""
    return run_dir(var_dir) / "redis.sock"


def redis_url(var_dir: Path) -> str:
    """The same as a broker URL for Celery."""
    return f"redis+socket://{redis_socket(var_dir)}"
