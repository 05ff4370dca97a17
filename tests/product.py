"""The whole product as an operator starts it: one `manage.py up`, what it says, and every process that it brought."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
# What the tests' own settings put into the environment, and what would lead the product to other state.
_LEFT_OUT = {"EMBEDDED_DATABASE", "DATABASE_URL", "DATABASE_OWNER_URL", "CELERY_BROKER_URL", "ARTIFACT_DIR", "DEBUG"}


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Product:
    """One `VAR_DIR` with its ports, and the supervisor that may run on it."""

    def __init__(self, var_dir: Path, **environment: str) -> None:
        self.var_dir = var_dir
        self.portal_port, self.gateway_port = free_port(), free_port()
        self.portal, self.gateway = (f"http://localhost:{port}" for port in (self.portal_port, self.gateway_port))
        self.said = ""
        self._environment = environment
        self._supervisor: subprocess.Popen[str] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What every process of the product inherits."""
        kept = {name: text for name, text in os.environ.items() if name not in _LEFT_OUT}
        own = {
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "VAR_DIR": str(self.var_dir),
            "PORTAL_PORT": str(self.portal_port),
            "GATEWAY_PORT": str(self.gateway_port),
            "WORKERS": "1",
            "LOG_LEVEL": "WARNING",
        }
        return kept | own | self._environment

    @property
    def is_running(self) -> bool:
        """Whether the supervisor is there."""
        return self._supervisor is not None and self._supervisor.poll() is None

    def start(self, *arguments: str, until: str = "ready after", seconds: float = 90) -> None:
        """`manage.py up` with these arguments; returns once it has said `until`, fails once anything gives up."""
        self.said = ""
        command = [sys.executable, "manage.py", "up", *arguments]
        self._supervisor = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Out of pytest's group: a Ctrl-C there is answered by the fixtures, which stop this in order.
            start_new_session=True,
        )
        threading.Thread(target=self._listen, args=(self._supervisor,), daemon=True).start()
        eventually(lambda: until in self.said or "CommandError" in self.said or not self.is_running, seconds)
        if until not in self.said:
            self.end()
            raise AssertionError(f"The product did not say “{until}” in {seconds:.0f} s:\n{self.said}")

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Another command of `manage.py` on the same state, to its end."""
        command, own = [sys.executable, "manage.py", *arguments], self.environment | environment
        return subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, timeout=60, check=False)

    def issue_token(self, name: str, scope: str) -> str:
        """A new service token."""
        done = self.run("issue_token", name, "--scope", scope)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().splitlines()[-1]

    def send(self, number: signal.Signals) -> None:
        """The signal to the supervisor alone."""
        assert self._supervisor is not None
        self._supervisor.send_signal(number)

    def wait(self, seconds: float = 60) -> int:
        """The supervisor's exit code."""
        assert self._supervisor is not None
        return self._supervisor.wait(seconds)

    def end(self) -> None:
        """Ctrl-C, and force where that does not help: nothing may stay behind a test."""
        if self.is_running:
            self.send(signal.SIGINT)
        eventually(lambda: not self.is_running and not self.processes(), 40)
        for process in self.processes():
            process.kill()
        if self._supervisor is not None:
            self._supervisor.wait(10)

    def processes(self) -> list[psutil.Process]:
        """Every living process that names `VAR_DIR` in its command line or environment, or works inside it."""
        return [process for process in psutil.process_iter() if self._owns(process)]

    def _owns(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            if process.environ().get("VAR_DIR") == str(self.var_dir):
                return True
            # PostgreSQL's children write their title over command line and environment; they stay in its directory.
            return any(str(self.var_dir) in text for text in (*process.cmdline(), process.cwd()))
        except psutil.Error:
            return False

    def _listen(self, supervisor: subprocess.Popen[str]) -> None:
        assert supervisor.stdout is not None
        for line in supervisor.stdout:
            self.said += line
        supervisor.stdout.close()


def eventually(check: Callable[[], object], seconds: float) -> bool:
    """Whether the check came true in time."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
