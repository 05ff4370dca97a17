"""The product's programs on one machine, and the order in which they come up."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from django.conf import settings

from portal import database
from portal.embedded import postgres, redis
from portal.embedded.paths import run_dir
from portal.env import env_int, env_secret, env_str
from portal.supervisor import own_witness
from portal.supervisor.processes import Family, Program, kill_group

# One thread each: forked children of a process that predicted with two threads hang (measured).
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # numba compiles for seconds at the first call, and is no faster afterwards for what we use of it (measured).
    "NUMBA_DISABLE_JIT": "1",
}



class CannotStart(RuntimeError):
    """The product cannot be started; the message says what to do."""


def check_ports() -> None:
    """`CannotStart` naming the first port that is taken."""
    for name, port in (("PORTAL_PORT", settings.PORTAL_PORT), ("GATEWAY_PORT", settings.GATEWAY_PORT)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((env_str("BIND_HOST", "127.0.0.1"), port))
            except OSError:
                raise CannotStart(f"Port {port} is in use. Stop what uses it, or set {name} to a free port.") from None


@contextmanager
def only_one() -> Iterator[None]:
    """Hold `VAR_DIR` alone; `CannotStart` when another supervisor holds it."""
    run = run_dir(settings.VAR_DIR)
    run.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (run / "supervisor.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            message = f"The product already runs on {settings.VAR_DIR}; stop it first (Ctrl-C there)."
            raise CannotStart(message) from None
        end_leftovers(run / "children")
        yield
        (run / "children").unlink(missing_ok=True)


def remember(family: Family) -> None:
    """Note the children, so that the next start finds them if this supervisor is killed."""
    lines = [f"{pid} {psutil.Process(pid).create_time()}" for pid in family.pids() if psutil.pid_exists(pid)]
    (run_dir(settings.VAR_DIR) / "children").write_text("\n".join(lines))


def end_leftovers(file: Path, seconds: float = 15) -> None:
    """Wait for the children of a killed supervisor, which are stopping; end those that do not.

    They hold the ports and the data directories: a second PostgreSQL or Redis beside them would do harm.
    """
    deadline = time.monotonic() + seconds
    for process in _remembered(file):
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            time.sleep(0.1)
        if process.is_running():
            kill_group(process.pid)


def _remembered(file: Path) -> list[psutil.Process]:
    """The processes named in the file that still are who they were: a pid may belong to somebody else by now."""
    found = []
    for line in file.read_text().splitlines() if file.exists() else []:
        pid, started = line.split()
        try:
            process = psutil.Process(int(pid))
            if process.create_time() == float(started):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def start_services(family: Family) -> None:
    """PostgreSQL and Redis, where they are ours, up and answering."""
    if database.is_embedded():
        start_postgres(family)
    if not env_secret("CELERY_BROKER_URL"):
        family.start(Program("redis", redis.command(settings.VAR_DIR), log=log_file("redis")))
        redis.wait_until_ready(settings.VAR_DIR)


def start_postgres(family: Family) -> None:
    """The embedded PostgreSQL with its database."""
    postgres.create(settings.VAR_DIR)
    who = postgres.account()
    uid, gid = (who.pw_uid, who.pw_gid) if who else (None, None)
    command = postgres.command(settings.VAR_DIR)
    # SIGINT is PostgreSQL's fast shutdown: sessions are ended, nothing that was committed is lost.
    family.start(
        Program(
            "postgres",
            command,
            uid=uid,
            gid=gid,
            stop=signal.SIGINT,
            orphaned=signal.SIGINT,
            log=log_file("postgres"),
        )
    )
    postgres.wait_until_ready(settings.VAR_DIR)
    postgres.create_database(settings.VAR_DIR)


def log_file(name: str) -> Path:
    """Where a service's own log goes: `VAR_DIR/logs/NAME.log`."""
    folder = settings.VAR_DIR / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.log"


def start_programs(family: Family) -> None:
    """Sealer, gateway, web, workers and the scheduler."""
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    if settings.DEMO_MODE:
        family.start(own_witness.introduced())
    for program in programs():
        family.start(program)


def programs() -> list[Program]:
    """The product's own processes."""
    host = env_str("BIND_HOST", "127.0.0.1")
    celery = [sys.executable, "-m", "celery", "--quiet", "-A", "portal.celery"]
    web = [
        *(sys.executable, "-m", "gunicorn", "portal.wsgi:application", "--bind", f"{host}:{settings.PORTAL_PORT}"),
        *("--worker-class", "gthread", "--workers", "1", "--threads", "8", "--timeout", "120"),
        *("--graceful-timeout", "8", "--log-level", "warning", "--no-control-socket"),
    ]
    # Without the chatter between workers: nobody listens to it, and at a kill of everything a heartbeat that waits for
    # the dead broker keeps the worker from ending.
    quietly = ["--without-heartbeat", "--without-gossip", "--without-mingle"]
    worker = [*celery, "worker", "--loglevel", "WARNING", *quietly]
    explain = [*worker, "--queues", "explain,explain_bulk", "--hostname", "explain@local"]
    explain += ["--concurrency", str(env_int("WORKERS", min(4, os.cpu_count() or 1)))]
    # Exports, checks and the schedule: however long they take, nobody waits behind them for an explanation.
    chores = [*worker, "--queues", "default", "--hostname", "chores@local", "--concurrency", "1"]
    # CI waits for the verdicts on a version; sandboxes do the work, so one at a time is what a machine bears.
    checks = [*worker, "--queues", "checks", "--hostname", "checks@local", "--concurrency", "1"]
    beat = [
        *(*celery, "beat", "--loglevel", "WARNING"),
        *("--schedule", str(settings.VAR_DIR / "beat-schedule"), "--pidfile", ""),
    ]
    gateway = {"GATEWAY_PORT": str(settings.GATEWAY_PORT), "GATEWAY_HOST": host, **ONE_THREAD}
    quiet = {"PYTHONWARNINGS": "ignore:You're running"}
    return [
        # Stopped last, so that what the others wrote at their end is sealed.
        Program("sealer", [sys.executable, "-m", "audit.sealing"], {"VAR_DIR": str(settings.VAR_DIR)}),
        Program("gateway", [sys.executable, "-m", "registry.gateway"], {**gateway, "VAR_DIR": str(settings.VAR_DIR)}),
        Program("web", web, ONE_THREAD),
        # SIGQUIT ends a worker at once; its task is taken again, since it was not acknowledged.
        # As root (a container) Celery warns at every start; what it warns of, pickled messages, is switched off.
        Program("worker", explain, {**ONE_THREAD, **quiet}, orphaned=signal.SIGQUIT),
        Program("chores", chores, {**ONE_THREAD, **quiet, "WARM_UP": "0"}, orphaned=signal.SIGQUIT),
        Program("checks", checks, {**ONE_THREAD, **quiet, "WARM_UP": "0"}, orphaned=signal.SIGQUIT),
        Program("beat", beat),
    ]


def wait_until_healthy(ended: Callable[[], object], *, seconds: float = 90) -> None:
    """Return once both ports answer `/healthz` with 200; `CannotStart` when one does not in time."""
    deadline = time.monotonic() + seconds
    for address in (f"http://127.0.0.1:{settings.GATEWAY_PORT}/healthz", f"http://127.0.0.1:{settings.PORTAL_PORT}/healthz"):
        answer = "nothing"
        while (answer := _health(address)) != "":
            if ended():
                return
            if time.monotonic() > deadline:
                raise CannotStart(f"{address} does not answer 200 after {seconds:.0f} s: {answer}")
            time.sleep(0.1)


def _health(address: str) -> str:
    """Empty when healthy, else what was answered."""
    try:
        with urllib.request.urlopen(address, timeout=5):
            return ""
    except urllib.error.HTTPError as error:
        return error.read().decode("utf-8", errors="replace")[:500]
    except OSError as error:
        return str(error)
