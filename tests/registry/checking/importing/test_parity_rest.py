"""Two files of features are compared by the portal, and what comes of it is evidence."""

from __future__ import annotations

import io
import json

import pandas as pd
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from audit.models import Entry
from registry.checking.importing import tables
from registry.models import Evidence

from .test_parity import GOOD, differing, table

PATH = "/api/v1/systems/mortgage/versions/1/feature-parity/"


def as_csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def as_parquet(frame: pd.DataFrame) -> bytes:
    data = io.BytesIO()
    frame.to_parquet(data, index=False)
    return data.getvalue()


def send(client, training: bytes, serving: bytes, **more: str):
    files = {"training": SimpleUploadedFile("t", training), "serving": SimpleUploadedFile("s", serving)}
    return client.post(PATH, {**files, "keys": "applicant", **more})


@pytest.mark.parametrize("write", [as_csv, as_parquet])
def test_the_same_features_become_passed_evidence(api, lead, write) -> None:
    made = send(api("register"), as_csv(table()), write(table()))
    assert made.status_code == 201, made.json()
    body = made.json()
    assert (body["kind"], body["verdict"], body["recorded_by"]) == ("feature_parity", "passed", "system:import")
    assert body["payload"]["inputs_compared"] == ["pirat", "chist", "phist"]
    assert body["payload"]["thresholds"] == {"max_mismatch": 0.01, "relative_tolerance": 1e-6}
    assert Entry.objects.get(type="evidence.attached").version == 1


def test_other_features_fail(api, lead) -> None:
    made = send(api("register"), as_csv(table()), as_parquet(differing("phist", 9, "maybe")))
    assert (made.status_code, made.json()["verdict"]) == (201, "failed")
    assert "phist in 4.5% of rows" in made.json()["summary"] and "maybe" not in json.dumps(made.json()["payload"])


def test_a_comparison_made_elsewhere_is_a_claim(api, lead) -> None:
    body = {"kind": "feature_parity", "payload": {**GOOD, "source": "Feast"}}
    path = "/api/v1/systems/mortgage/versions/1/evidence/"
    made = api("register").post(path, json.dumps(body), content_type="application/json")
    assert (made.status_code, made.json()["verdict"]) == (201, "claimed")
    body["payload"]["features"] = [{**GOOD["features"][0], "mismatches": 100}]
    made = api("register").post(path, json.dumps(body), content_type="application/json")
    assert (made.status_code, made.json()["verdict"]) == (201, "failed")


NESTED = as_parquet(pd.DataFrame({"applicant": [1], "pirat": [[1, 2]]}))
LONG = as_csv(pd.DataFrame({"applicant": range(tables.MAX_ROWS + 1), "pirat": 1}))


@pytest.mark.parametrize(
    "training,more,path",
    [
        (b"", {}, "training"),
        (b"\xff\xfe", {}, "training"),
        (b"PAR1 and no more", {}, "training"),
        (b"a,a\n1,2\n", {}, "training"),
        (b"applicant,pirat\n", {}, "training"),
        (b"applicant,pirat\n1,2,3\n", {}, "training"),
        (b"applicant,pirat\n1,2\n1,3\n", {}, "training"),
        (NESTED, {}, "training"),
        (LONG, {}, "training"),
        (b"applicant,pirat\n" + b" " * tables.MAX_BYTES, {}, "training"),
        (as_csv(table()), {"keys": "nobody"}, "training"),
        (as_csv(table()), {"keys": " , "}, "keys"),
        (as_csv(table()), {"timestamp": "seen"}, "serving"),
        (b"applicant,income\n1,2\n", {}, "keys"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(api, lead, training: bytes, more: dict, path: str) -> None:
    answer = send(api("register"), training, as_csv(table()), **more)
    assert answer.status_code == 422, answer.json()
    assert answer.json()["error"]["details"][0]["path"] == path, answer.json()
    assert not Evidence.objects.filter(kind="feature_parity").exists()


def test_who_may_not_register_compares_nothing(api, lead) -> None:
    assert send(api("read"), as_csv(table()), as_csv(table())).status_code == 403
    assert send(api("decide"), as_csv(table()), as_csv(table())).status_code == 404
