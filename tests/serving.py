"""The portal behind gunicorn, for tests that need the wire: real sizes, real clients."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from django.urls import reverse

from tests.product import ROOT, eventually, free_port


@contextmanager
def portal_on(environment: dict[str, str], spool: Path) -> Iterator[tuple[int, psutil.Process]]:
    """The portal with this environment: its port and its worker. What it would spool goes to the folder."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "portal.wsgi:application", "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gthread", "--threads", "8", "--log-level", "error", "--no-control-socket"]
    own = {**environment, "TMPDIR": str(spool)}
    process = subprocess.Popen(command, cwd=ROOT, env=own, stderr=subprocess.DEVNULL)
    try:
        assert eventually(lambda: answers(port), 30)
        [worker] = psutil.Process(process.pid).children()
        yield port, worker
    finally:
        process.terminate()
        process.wait(20)


def answers(port: int) -> bool:
    """Whether it serves the page on which people sign in."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            head = f"GET {reverse('login')} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            connection.sendall(head.encode())
            return connection.recv(12).endswith(b"200")
    except OSError:
        return False
