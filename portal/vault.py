"""The product's secrets, each read in one way by every process.

With the embedded services they are made at first use and kept in `VAR_DIR/secrets`; with `DATABASE_URL` there may
be other machines, so each must be given (NAME or NAME_FILE).
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from portal.database import is_embedded
from portal.env import Misconfigured, env_secret, env_str, kept_secret

DATA_KEY = "DATA_KEY"
DATA_KEY_PREVIOUS = "DATA_KEY_PREVIOUS"


def secrets_dir(var_dir: Path) -> Path:
    """Where secrets that we made ourselves are kept, mode 0700."""
    return var_dir / "secrets"


def secret(name: str, var_dir: Path) -> str:
    """The secret; `Misconfigured` where it must be given and is not."""
    if is_embedded():
        return kept_secret(name, secrets_dir(var_dir))
    given = env_secret(name)
    if not given:
        raise Misconfigured(f"Set {name} or {name}_FILE: with DATABASE_URL every machine needs the same one.")
    return given


def data_keys(var_dir: Path) -> list[str]:
    """The key-encryption keys of the trail: the one that wraps, then the one before it while a rotation lasts."""
    current = secret(DATA_KEY, var_dir)
    previous = env_secret(DATA_KEY_PREVIOUS)
    if not previous:
        # The end of a rotation removes it, perhaps in this moment.
        with suppress(FileNotFoundError):
            previous = (secrets_dir(var_dir) / DATA_KEY_PREVIOUS.lower()).read_text(encoding="utf-8").strip()
    return [current, previous] if previous else [current]


def log_origin() -> str:
    """The name of this installation's log, which every checkpoint and receipt carries (C2SP: its origin)."""
    return env_str("LOG_ORIGIN", "localhost/trail")
