"""Runs the gateway: `python -m registry.gateway`."""

from __future__ import annotations

import logging
import os

import uvicorn

from portal.env import env_str
from registry.gateway.config import Config

GRACE_SECONDS = 20


def main() -> None:
    """Serve until told to stop; requests under way are finished and recorded."""
    logging.basicConfig(level=env_str("LOG_LEVEL", "INFO"), format="%(levelname)s %(name)s: %(message)s")
    # Its "error" logger also tells of every start; what matters is said by our own loggers.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    config = Config.from_environment()
    # Before numpy is imported: threads of OpenMP and BLAS make one row slower, and two models fight over the cores.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    uvicorn.run(
        "registry.gateway.app:app",
        host=config.host,
        port=config.port,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # Callers keep connections open between decisions; after the default 5 s the next request would fail.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


if __name__ == "__main__":
    main()
