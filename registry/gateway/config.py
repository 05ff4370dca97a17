"""What the gateway needs to know, read once from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from portal.database import GATEWAY_ROLE, conninfo, is_embedded
from portal.env import Misconfigured, env_int, env_path, env_secret, env_str, kept_secret

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Config:
    """Addresses, limits and the one secret. Sizes in bytes, times in seconds."""

    conninfo: str
    artifact_dir: Path
    subject_key: str
    host: str = "127.0.0.1"
    port: int = 8001
    most_in_flight: int = 256
    poll_seconds: float = 1.0

    @classmethod
    def from_environment(cls) -> Config:
        """The configuration of this process; `Misconfigured` says what to set."""
        var_dir = env_path("VAR_DIR", _ROOT / "var")
        return cls(
            conninfo=conninfo(GATEWAY_ROLE, var_dir),
            artifact_dir=env_path("ARTIFACT_DIR", var_dir / "artifacts"),
            subject_key=_subject_key(var_dir),
            host=env_str("GATEWAY_HOST", "127.0.0.1"),
            port=env_int("GATEWAY_PORT", 8001),
            most_in_flight=env_int("GATEWAY_MOST_IN_FLIGHT", 256),
        )


def _subject_key(var_dir: Path) -> str:
    """The portal's key: with another one, the portal would not find this gateway's subjects."""
    if is_embedded():
        return kept_secret("SUBJECT_KEY", var_dir / "secrets")
    given = env_secret("SUBJECT_KEY")
    if not given:
        raise Misconfigured("Set SUBJECT_KEY or SUBJECT_KEY_FILE: with DATABASE_URL every machine needs the same one.")
    return given
