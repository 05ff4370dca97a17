"""What the witness needs to know, read once from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audit.log.cosignatures import Cosigner, cosigner_from_secret
from audit.log.notes import NoteInvalid, Verifier, parse_vkey
from portal.env import Misconfigured, env_int, env_list, env_path, env_str, kept_secret

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Config:
    """Address, memory, own key and the logs' keys."""

    folder: Path
    cosigner: Cosigner
    logs: tuple[Verifier, ...]
    host: str = "127.0.0.1"
    port: int = 8002

    @classmethod
    def from_environment(cls) -> Config:
        """The configuration of this process; `Misconfigured` says what to set."""
        folder = env_path("WITNESS_DIR", _ROOT / "var" / "witness")
        name = env_str("WITNESS_NAME")
        if not name:
            raise Misconfigured("Set WITNESS_NAME, such as witness.example.org/audit: it stands in each cosignature.")
        logs = tuple(map(_verifier, _log_vkeys()))
        if not logs:
            raise Misconfigured("Set WITNESS_LOGS or WITNESS_LOGS_FILE to the vkeys of the logs to witness.")
        try:
            cosigner = cosigner_from_secret(name, kept_secret("WITNESS_KEY", folder))
        except NoteInvalid as error:
            raise Misconfigured(f"WITNESS_NAME: {error}.") from None
        host = env_str("WITNESS_HOST", "127.0.0.1")
        return cls(folder, cosigner, logs, host, env_int("WITNESS_PORT", 8002))


def _log_vkeys() -> list[str]:
    """From the variable, and from the file: one a line, `#` begins a comment."""
    file = env_str("WITNESS_LOGS_FILE")
    if not file:
        return env_list("WITNESS_LOGS")
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"WITNESS_LOGS_FILE names {file}, which cannot be read: {error}.") from error
    return env_list("WITNESS_LOGS") + [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _verifier(vkey: str) -> Verifier:
    try:
        return parse_vkey(vkey)
    except NoteInvalid as error:
        raise Misconfigured(f"WITNESS_LOGS: {error}.") from None
