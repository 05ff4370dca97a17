"""Every task that is named somewhere exists, and every task has its limits."""

from __future__ import annotations

import ast
import importlib

from portal.celery import app

from .sources import python_files


def tasks_sent() -> set[str]:
    """The dotted names given to `after_commit`, as words or by a constant of the module."""
    sent: set[str] = set()
    for file in python_files():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "after_commit":
                first = node.args[0]
                sent.add(first.value if isinstance(first, ast.Constant) else constants[first.id])
    return sent


def registered() -> dict:
    for module in app.conf.imports:
        importlib.import_module(module)
    return {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}


def test_what_is_sent_and_scheduled_exists() -> None:
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert tasks_sent() and scheduled
    assert tasks_sent() | scheduled == set(registered())


def test_a_task_is_called_by_its_address_and_has_a_limit() -> None:
    for name, task in registered().items():
        assert name == f"{task.__module__}.{task.__name__}"
        assert task.time_limit, name
        assert task.time_limit < app.conf.broker_transport_options["visibility_timeout"]
