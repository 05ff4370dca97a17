"""Who connects to PostgreSQL as whom: the owner migrates, the app and the gateway may only do their own work.

With the embedded server each role logs in under its own name. With `DATABASE_URL` every process logs in as the
URL says and takes its role at the start of the session (`SET ROLE`), unless the URL's user is that role already.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from portal.embedded.paths import run_dir
from portal.env import env_str

APP_ROLE = "countersign_app"
GATEWAY_ROLE = "countersign_gateway"
SEALER_ROLE = "countersign_sealer"
OWNER = ""
EMBEDDED_OWNER = "postgres"
EMBEDDED_NAME = "countersign"


def is_embedded() -> bool:
    """True when no `DATABASE_URL` is given and we run PostgreSQL ourselves."""
    return not env_str("DATABASE_URL")


def connection_parameters(role: str, var_dir: Path) -> dict[str, Any]:
    """libpq parameters for a session in the given role (`OWNER` = whoever owns the tables)."""
    if is_embedded():
        return {
            "host": str(run_dir(var_dir)),
            "dbname": env_str("EMBEDDED_DATABASE", EMBEDDED_NAME),
            "user": role or EMBEDDED_OWNER,
        }
    url = env_str("DATABASE_OWNER_URL") if role == OWNER else ""
    parameters = dict(conninfo_to_dict(url or env_str("DATABASE_URL")))
    if role != OWNER:
        parameters["options"] = f"{parameters.get('options') or ''} -c role={role}".strip()
    return parameters


def conninfo(role: str, var_dir: Path) -> str:
    """The same as a libpq connection string, for code without Django."""
    return make_conninfo(**connection_parameters(role, var_dir))


def django_database(role: str, var_dir: Path) -> dict[str, Any]:
    """The same as an entry of Django's `DATABASES`."""
    parameters = connection_parameters(role, var_dir)
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    django = {names[key]: value for key, value in parameters.items() if key in names}
    rest = {key: value for key, value in parameters.items() if key not in names}
    return {"ENGINE": "django.db.backends.postgresql", "OPTIONS": rest, "CONN_MAX_AGE": 60, **django}
