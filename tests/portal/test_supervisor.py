"""`manage.py up` as an operator meets it: it starts, refuses, stops and comes back without losing anything."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.product import Product, eventually


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One `VAR_DIR` for all tests here; each start after the first is quick."""
    product = Product(tmp_path_factory.mktemp("var"))
    yield product
    product.end()


@pytest.fixture
def product(installation: Product) -> Product:
    """The product, running; a test that ended it costs the next one a start."""
    if not installation.is_running:
        installation.start()
    return installation


def test_a_taken_port_is_named_and_nothing_is_started(product: Product, tmp_path):
    done = product.run("up", VAR_DIR=str(tmp_path))
    assert done.returncode != 0
    assert f"Port {product.portal_port} is in use." in done.stderr
    assert "PORTAL_PORT" in done.stderr
    assert not Product(tmp_path).processes()


def test_a_second_supervisor_is_refused_and_the_first_goes_on(product: Product):
    done = product.run("up", PORTAL_PORT="0", GATEWAY_PORT="0")
    assert done.returncode != 0
    assert f"The product already runs on {product.var_dir}; stop it first" in done.stderr
    assert httpx.get(f"{product.portal}/healthz").status_code == 200


def test_ctrl_c_stops_everything(product: Product):
    assert len(product.processes()) > 6, "postgres, redis, gateway, web, worker, beat, and the supervisor"
    product.send(signal.SIGINT)
    assert product.wait() == 0
    assert not product.processes()
    assert "stopping" in product.said
    assert "Traceback" not in product.said


def test_a_killed_supervisor_leaves_nothing_running_and_nothing_lost(product: Product):
    token = {"authorization": f"Bearer {product.issue_token('ci', 'register')}"}
    system = {"slug": "loans", "name": "Loans", "purpose": "Decides.", "owner": "Lending", "risk_class": "minimal"}
    made = httpx.post(f"{product.portal}/api/v1/systems/", json=system, headers=token)
    assert made.status_code == 201, made.text

    product.send(signal.SIGKILL)
    product.wait()
    assert eventually(lambda: not product.processes(), 15), product.processes()

    product.start()
    found = httpx.get(f"{product.portal}/api/v1/systems/loans/", headers=token)
    assert found.status_code == 200, found.text
    assert found.json()["purpose"] == system["purpose"]


def test_a_program_that_dies_takes_the_product_down_and_is_named(product: Product):
    gateway = next(process for process in product.processes() if "registry.gateway" in _command(process))
    gateway.kill()
    assert product.wait() != 0
    assert f"gateway ended with exit code {-signal.SIGKILL}; everything is stopped." in product.said
    assert not product.processes()


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
