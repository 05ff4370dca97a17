"""Runs the witness: `python -m audit.witnessing`."""

from __future__ import annotations

import logging
import sys

import uvicorn

from audit.witnessing.app import create_app
from audit.witnessing.config import Config
from portal.env import Misconfigured, env_str

MOST_CONNECTIONS = 256


def main() -> None:
    """Serve until told to stop."""
    logging.basicConfig(level=env_str("LOG_LEVEL", "INFO"), format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        config = Config.from_environment()
    except Misconfigured as error:
        sys.exit(str(error))
    for log in config.logs:
        logging.getLogger(__name__).info("witnessing %s as %s", log.vkey, config.cosigner.vkey)
    uvicorn.run(
        create_app(lambda: config),
        host=config.host,
        port=config.port,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )


if __name__ == "__main__":
    main()
