"""What must never become a version: each kind is refused with its own code, leaves no row and no file, and one act."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from typing import Any

import joblib
import pytest
import skops.io
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from audit.models import Entry
from audit.queries import facts_of
from registry.models import Version
from tests import factories

from .test_rest import VERSIONS, parts, stored


def dumped(dump: Callable[..., Any], **how: Any) -> bytes:
    data = io.BytesIO()
    dump(StandardScaler(), data, **how)
    return data.getvalue()


def bomb() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("schema.json", b"{}")
        file.writestr("bomb.npy", bytes(600 * 1024 * 1024))
    return data.getvalue()


def torch_like() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("archive/data.pkl", b"\x80\x02.")
    return data.getvalue()


def manifest(change: Callable[[dict[str, Any]], None]) -> bytes:
    said = json.loads(factories.trained_logistic().manifest)
    change(said)
    return json.dumps(said).encode()


def without_input(said: dict[str, Any]) -> None:
    del said["inputs"]["properties"]["pirat"]
    said["inputs"]["required"].remove("pirat")


def column(data: bytes, name: str, values: Callable[[int], str]) -> bytes:
    """The CSV with one more column."""
    header, *rows = data.decode().splitlines()
    return "\n".join([f"{header},{name}", *(f"{row},{values(n)}" for n, row in enumerate(rows))]).encode()


def background_without_pirat() -> bytes:
    rows = [line.split(",") for line in factories.trained_logistic().background.decode().splitlines()]
    at = rows[0].index("pirat")
    return "\n".join(",".join(row[:at] + row[at + 1 :]) for row in rows).encode()


def background() -> bytes:
    return factories.trained_logistic().background


REFUSED: dict[str, tuple[Callable[[], dict[str, bytes]], str]] = {
    "pickle": (lambda: {"artifact": dumped(pickle.dump)}, "artifact_is_pickle"),
    "pickle of protocol 0": (lambda: {"artifact": dumped(pickle.dump, protocol=0)}, "artifact_is_pickle"),
    "joblib": (lambda: {"artifact": dumped(joblib.dump)}, "artifact_is_pickle"),
    "joblib, packed": (lambda: {"artifact": dumped(joblib.dump, compress=3)}, "artifact_is_pickle"),
    "joblib, packed by gzip": (lambda: {"artifact": dumped(joblib.dump, compress=("gzip", 3))}, "artifact_is_pickle"),
    "torch": (lambda: {"artifact": torch_like()}, "artifact_is_pickle"),
    "unknown types in skops": (
        lambda: {"artifact": skops.io.dumps(make_pipeline(FunctionTransformer(os.system)))},
        "artifact_type_not_allowed",
    ),
    "zip bomb": (lambda: {"artifact": bomb()}, "artifact_zip_bomb"),
    "truncated": (lambda: {"artifact": factories.trained_logistic().artifact[:5_000]}, "artifact_truncated"),
    "empty": (lambda: {"artifact": b""}, "artifact_empty"),
    "rubbish": (lambda: {"artifact": b"rubbish " * 600}, "artifact_unreadable"),
    "another format": (lambda: {"artifact": factories.trained_boosting().artifact}, "artifact_mismatch"),
    "other labels": (
        lambda: {"manifest": manifest(lambda said: said["output"].update(labels=["deny", "allow"]))},
        "artifact_mismatch",
    ),
    "a schema that the model does not accept": (
        lambda: {"manifest": manifest(without_input), "background": background_without_pirat()},
        "artifact_mismatch",
    ),
    "evaluation without labels": (lambda: {"evaluation": background()}, "evaluation_invalid"),
    "golden rows without scores": (lambda: {"golden": background()}, "golden_invalid"),
    "golden rows with words for scores": (
        lambda: {"golden": column(background(), "score", lambda _: "high")},
        "golden_invalid",
    ),
    "golden rows with gaps for scores": (
        lambda: {"golden": column(background(), "score", lambda n: "" if n == 7 else "0.5")},
        "golden_invalid",
    ),
    "no artifact": (lambda: {"artifact": None}, "invalid"),  # type: ignore[dict-item]
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_bad_input_is_refused_and_recorded(api, lead, settings, kind: str) -> None:
    make, code = REFUSED[kind]
    sent = parts(**make())
    before = (Version.objects.count(), stored(settings))
    answer = api("register").post(VERSIONS, sent)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (422, code), error
    assert (Version.objects.count(), stored(settings)) == before
    [entry] = Entry.objects.filter(type="version.refused")
    assert facts_of(entry)["details"]["code"] == code


def test_golden_rows_are_kept(api, lead, settings) -> None:
    golden = column(background(), "score", lambda n: str(n / 1_000))
    made = api("register").post(VERSIONS, parts(golden=golden))
    assert made.status_code == 201, made.json()
    version = Version.objects.get(number=3)
    assert version.golden_sha256 and any(file.read_bytes() == golden for file in stored(settings))
