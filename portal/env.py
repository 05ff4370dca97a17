"""Typed readers of the environment; every secret also has a `_FILE` form."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path


class Misconfigured(RuntimeError):
    """The environment asks for something that cannot be; the message says what to set."""


def env_str(name: str, default: str = "") -> str:
    """The variable's text, or the default where it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, default: bool = False) -> bool:
    """True for 1/true/yes/on, False for 0/false/no/off; anything else is refused."""
    text = env_str(name).lower()
    if not text:
        return default
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise Misconfigured(f"{name} must be true or false, not {text!r}.")


def env_int(name: str, default: int) -> int:
    """The variable as a whole number; anything else is refused."""
    text = env_str(name)
    try:
        return int(text) if text else default
    except ValueError:
        raise Misconfigured(f"{name} must be a whole number, not {text!r}.") from None


def env_list(name: str, default: Iterable[str] = ()) -> list[str]:
    """The variable split at commas."""
    text = env_str(name)
    return [part.strip() for part in text.split(",") if part.strip()] if text else list(default)


def env_path(name: str, default: Path) -> Path:
    """The variable as an absolute path."""
    return Path(env_str(name, str(default))).expanduser().resolve()


def env_secret(name: str) -> str:
    """The secret in NAME, or in the file that NAME_FILE names; empty where neither is set.

    Fails loudly when the named file cannot be read: a missing mount must not become an empty secret.
    """
    file = env_str(f"{name}_FILE")
    if not file:
        return env_str(name)
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Misconfigured(f"{name}_FILE names {file}, which cannot be read: {error.strerror}.") from error


def kept_secret(name: str, folder: Path) -> str:
    """The secret from the environment, or one made at random at first use and kept in the folder, mode 0600.

    For one machine that keeps all its state in one directory; several machines must be given the same secret.
    """
    given = env_secret(name)
    if given:
        return given
    path = folder / name.lower()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        # O_EXCL decides between two processes that start at once: the loser reads what the winner wrote.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_when_written(path)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text(encoding="utf-8")


def _read_when_written(path: Path) -> str:
    for _ in range(100):
        text = path.read_text(encoding="utf-8")
        if text:
            return text
    raise Misconfigured(f"{path} is empty; delete it, and a new secret is made at the next start.")
