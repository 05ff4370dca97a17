"""What the sealer needs to know, read once from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audit.log.notes import Signer, signer_from_secret
from portal.database import SEALER_ROLE, conninfo
from portal.env import env_int, env_path
from portal.vault import log_origin, secret

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Config:
    """The database, the log's key, and the folder outside the database; times in seconds."""

    conninfo: str
    signer: Signer
    trail_dir: Path
    batch: int = 10_000
    pause_seconds: float = 1.0

    @classmethod
    def from_environment(cls) -> Config:
        """The configuration of this process; `Misconfigured` says what to set."""
        var_dir = env_path("VAR_DIR", _ROOT / "var")
        return cls(
            conninfo=conninfo(SEALER_ROLE, var_dir),
            signer=signer_from_secret(log_origin(), secret("LOG_KEY", var_dir)),
            trail_dir=env_path("TRAIL_DIR", var_dir / "trail"),
            batch=env_int("SEALER_BATCH", 10_000),
        )
