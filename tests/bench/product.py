"""The whole product, started with its demo data on free ports and stopped again, or one that runs already.

    python -m tests.bench.product          how long it takes to start: afresh, with demo data, and again
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portal.supervisor.processes import _die_with_parent
from tests.bench import results

# Whatever of the caller's environment would lead the product to other state than its own.
_OTHERS = (
    *("DATABASE_URL", "CELERY_BROKER_URL", "SECRET_KEY", "SUBJECT_KEY", "ARTIFACT_DIR"),
    *("PORTAL_URL", "GATEWAY_URL", "BIND_HOST", "WORKERS", "DEBUG", "SECURE_TRANSPORT", "ALLOWED_HOSTS"),
)
HEALTHY_SECONDS, DEMO_SECONDS, STOP_SECONDS = 120.0, 300.0, 90.0


class ProductFailed(RuntimeError):
    """The product did not do what the bench needs; the message carries its last words."""


@dataclass
class Product:
    """A product that answers. `starts` is what was measured on the way, empty for one that ran already."""

    portal: str
    gateway: str
    var_dir: Path
    environment: Mapping[str, str]
    starts: list[dict[str, Any]] = field(default_factory=list)

    def token(self, *scopes: str) -> str:
        """A new service token with these scopes."""
        options = [part for scope in scopes for part in ("--scope", scope)]
        command = [sys.executable, "manage.py", "issue_token", f"bench-{secrets.token_hex(4)}", *options]
        done = subprocess.run(
            command, cwd=results.ROOT, env=self.environment, capture_output=True, text=True, timeout=60
        )
        if done.returncode:
            raise ProductFailed(f"No token was issued: {done.stderr.strip()}")
        return done.stdout.strip().splitlines()[-1]


def stop_when_told(seconds: int = 30 * 60) -> None:
    """End as by Ctrl-C when asked to end, or after so many seconds: every `finally` stops what it started."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, _interrupt)
    signal.alarm(seconds)


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that name a product which runs already."""
    parser.add_argument("--portal", help="the portal of a product with demo data that runs already")
    parser.add_argument("--gateway", help="its gateway")
    parser.add_argument("--var-dir", type=Path, help="its VAR_DIR")


@contextmanager
def asked_for(asked: argparse.Namespace) -> Iterator[Product]:
    """The running product that the options name, or a fresh one for as long as the block runs."""
    named = (asked.portal, asked.gateway, asked.var_dir)
    if not all(named):
        if any(named):
            raise SystemExit("A running product is named by --portal, --gateway and --var-dir together.")
        with fresh() as product:
            yield product
        return
    var_dir = asked.var_dir.resolve()
    yield Product(asked.portal, asked.gateway, var_dir, {**os.environ, "VAR_DIR": str(var_dir)})


@contextmanager
def fresh() -> Iterator[Product]:
    """A product with demo data in a directory of its own: started, stopped and started again, then left running."""
    var_dir = Path(tempfile.mkdtemp(prefix="bench-"))
    portal_port, gateway_port = _free_ports()
    kept = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in _OTHERS}
    environment = {
        **kept,
        **{"VAR_DIR": str(var_dir), "DEMO_MODE": "1", "LOG_LEVEL": "WARNING"},
        **{"PORTAL_PORT": str(portal_port), "GATEWAY_PORT": str(gateway_port)},
    }
    product = Product(f"http://127.0.0.1:{portal_port}", f"http://127.0.0.1:{gateway_port}", var_dir, environment)
    try:
        with _running(product, "first start, nothing there yet"):
            pass
        with _running(product, "second start, demo data there"):
            yield product
    finally:
        shutil.rmtree(var_dir, ignore_errors=True)


@contextmanager
def _running(product: Product, name: str) -> Iterator[None]:
    """The product up and its demo data complete; adds the times to `starts`."""
    started = time.perf_counter()
    up = _Up(product.environment)
    try:
        healthy = _wait_until_healthy(up, product, started)
        up.wait_for("demo data is there", DEMO_SECONDS)
        row = {"start": name, "gateway s": healthy["gateway"], "portal s": healthy["portal"]}
        row |= {"healthy s": max(healthy.values()), "demo data s": time.perf_counter() - started}
        product.starts.append(row)
        yield
    finally:
        stopped = time.perf_counter()
        up.stop()
        for row in product.starts[-1:]:
            row["stop s"] = time.perf_counter() - stopped


class _Up:
    """`manage.py up --demo`, with what it says kept; it dies with the bench, even when that is killed."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.lines: list[str] = []
        self._said = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--demo"],
            cwd=results.ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Ctrl-C shall reach the bench alone, which then stops the product in order.
            start_new_session=True,
            preexec_fn=lambda: _die_with_parent(signal.SIGTERM),
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def wait_for(self, words: str, seconds: float) -> None:
        """Return once a line holds the words."""
        with self._said:
            if not self._said.wait_for(lambda: self._heard(words) or self.failed(), seconds):
                raise self.failure(f"did not say “{words}” within {seconds:.0f} s")
        if not self._heard(words):
            raise self.failure("ended" if self.process.poll() is not None else "could not make its demo data")

    def failed(self) -> bool:
        """Whether it ended, or said that its demo data is incomplete."""
        return self.process.poll() is not None or self._heard("data is incomplete")

    def failure(self, what: str) -> ProductFailed:
        """The exception to raise, with the last lines."""
        return ProductFailed("\n".join([f"The product {what}. Its last words:", *self.lines[-15:]]))

    def stop(self) -> None:
        """Ask it to stop; kill what does not."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # Its children are told by the kernel that their supervisor is gone.
            self.process.kill()
            self.process.wait()

    def _heard(self, words: str) -> bool:
        return any(words in line for line in self.lines)

    def _listen(self) -> None:
        for line in self.process.stdout or ():
            with self._said:
                self.lines.append(line.rstrip())
                self._said.notify_all()
        self.process.wait()
        with self._said:
            self._said.notify_all()


def _wait_until_healthy(up: _Up, product: Product, started: float) -> dict[str, float]:
    """Seconds from the start until the gateway's and the portal's `/healthz` answered 200."""
    took: dict[str, float] = {}
    waiting = {"gateway": product.gateway, "portal": product.portal}
    while waiting:
        for part in list(waiting):
            if _is_healthy(waiting[part]):
                took[part] = time.perf_counter() - started
                del waiting[part]
        if waiting and (up.failed() or time.perf_counter() - started > HEALTHY_SECONDS):
            raise up.failure(f"is not healthy at {', '.join(waiting.values())}")
        time.sleep(0.02)
    return took


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=5):
            return True
    except OSError:
        return False


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        for probe in (first, second):
            probe.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


COLUMNS = ("start", "gateway s", "portal s", "healthy s", "demo data s", "stop s")


def report(product: Product, about: results.Row) -> None:
    """Table and JSON of the starts; nothing for a product that ran already."""
    if product.starts:
        results.show("Start of the whole product", product.starts, COLUMNS, about)
        results.write("product", product.starts, about)


def main() -> None:
    """Start, stop, start again."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    stop_when_told()
    about = results.conditions()
    with fresh() as product:
        report(product, about)


if __name__ == "__main__":
    main()
