"""What the gateway needs to know, read once from the environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from audit.encryption import Keys
from portal.database import GATEWAY_ROLE, conninfo
from portal.env import env_int, env_path, env_str
from portal.vault import data_keys, log_origin, secret

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Config:
    """Addresses, limits and secrets. Sizes in bytes, times in seconds."""

    conninfo: str
    artifact_dir: Path
    # The portal's key: with another one, the portal would not find this gateway's subjects.
    subject_key: str
    data_keys: Keys
    receipt_key: str
    origin: str
    name: str = "gateway"
    host: str = "127.0.0.1"
    port: int = 8001
    most_in_flight: int = 256
    poll_seconds: float = 1.0
    heartbeat_seconds: float = 60.0
    flush_seconds: float = 10.0

    @classmethod
    def from_environment(cls) -> Config:
        """The configuration of this process; `Misconfigured` says what to set."""
        var_dir = env_path("VAR_DIR", _ROOT / "var")
        return cls(
            conninfo=conninfo(GATEWAY_ROLE, var_dir),
            artifact_dir=env_path("ARTIFACT_DIR", var_dir / "artifacts"),
            subject_key=secret("SUBJECT_KEY", var_dir),
            data_keys=Keys(partial[Sequence[str]](data_keys, var_dir)),
            receipt_key=secret("RECEIPT_KEY", var_dir),
            origin=log_origin(),
            name=env_str("GATEWAY_NAME", "gateway"),
            host=env_str("GATEWAY_HOST", "127.0.0.1"),
            port=env_int("GATEWAY_PORT", 8001),
            most_in_flight=env_int("GATEWAY_MOST_IN_FLIGHT", 256),
        )
