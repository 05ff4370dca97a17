"""A model of four classes, two of which lead to a denial: registered, checked on rows with their class, and read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from portal.demo.hmda import HMDA_READ
from registry.checking.comparing import parts_of
from registry.checking.running import Context, findings_of
from registry.models import Version
from registry.scoring.formats import load
from registry.scoring.frames import to_codes, to_frame
from registry.scoring.manifest import Manifest
from registry.scoring.problems import ArtifactRefused, ScoreInvalid
from tests import factories
from tests.registry.checking.test_running import THRESHOLDS

GRADES = ["A", "B", "C", "D"]


def graded(rows: list[dict[str, str]]) -> np.ndarray:
    """Grades 0 to 3 by debt and record."""
    inputs = [factories.applicants().inputs(row) for row in rows]
    return np.array([min(3, int(4 * row["pirat"]) + (row["phist"] == "yes") + row["chist"] // 3) for row in inputs])


def trained(**settings: Any) -> bytes:
    applicants = factories.applicants()
    rows = applicants.rows[:1500]
    codes = to_codes(applicants.frame(rows)[list(HMDA_READ)], applicants.schema.subset(HMDA_READ))
    data = lightgbm.Dataset(codes, graded(rows), feature_name=list(HMDA_READ))
    fixed = {"objective": "multiclass", "num_class": 4, "num_leaves": 8, "num_threads": 1, "verbose": -1}
    return lightgbm.train({**fixed, **settings}, data, 20).model_to_string().encode()


def manifest(**output: Any) -> dict[str, Any]:
    raw = json.loads(factories.trained_boosting().manifest)
    raw["model"] = {"format": "lightgbm", "task": "multiclass_classification"}
    raw["output"] |= {"classes": GRADES, "adverse_classes": ["C", "D"], **output}
    return {name: raw[name] for name in ("model", "inputs", "output")}


def evaluation() -> bytes:
    """Held-out rows with their class."""
    applicants = factories.applicants()
    rows = applicants.rows[1500:2100]
    table = applicants.frame(rows)
    table["label"] = [GRADES[grade] for grade in graded(rows)]
    return table.to_csv(index=False).encode()


def test_it_is_registered_and_passes_the_gates_by_its_two_answers(api, client_of, lead) -> None:
    files = {"artifact": trained(), "background": factories.trained_boosting().background, "evaluation": evaluation()}
    sent = {name: SimpleUploadedFile(name, data) for name, data in files.items()}
    answer = api("register").post("/api/v1/systems/mortgage/versions/", {"manifest": json.dumps(manifest()), **sent})
    assert answer.status_code == 201, answer.content
    version = Version.objects.get(number=3)
    context = Context({name: THRESHOLDS[name] for name in THRESHOLDS if name != "explanation"})
    found = {each.gate: each for each in findings_of(parts_of(version), context)}
    for gate in ("artifact", "libraries", "latency", "golden_rows", "performance"):
        assert found[gate].verdict == "passed", found[gate].summary
    assert found["performance"].payload["metrics"]["roc_auc"] > 0.9
    assert found["distribution"].payload["candidate"]["positive_rate"] is not None
    page = client_of(lead).get("/systems/mortgage/versions/3/").content.decode()
    assert "4 classes apart: A, B, C, D" in page and "probability of C, D together" in page


def test_the_score_is_what_the_adverse_classes_have_together() -> None:
    spec, native = Manifest.parse(manifest()), lightgbm.Booster(model_str=trained().decode())
    frame = to_frame([factories.DENIED, factories.GRANTED], spec.inputs)
    shares = native.predict(to_codes(frame[list(HMDA_READ)], factories.applicants().schema.subset(HMDA_READ)))
    scorer = load(trained(), spec)
    np.testing.assert_allclose(scorer.score(frame), shares[:, 2] + shares[:, 3], rtol=1e-12)
    assert [spec.output.label(score) for score in scorer.score(frame)] == ["deny", "grant"]


@pytest.mark.parametrize(
    "made,output,refusal,words",
    [
        (trained, {"classes": ["A", "B", "C"], "adverse_classes": ["C"]}, ArtifactRefused, "of 3 classes"),
        (lambda: trained(objective="multiclassova"), {}, ScoreInvalid, "do not add up to 1"),
    ],
)
def test_what_does_not_fit_the_classes_is_refused(
    made: Callable[[], bytes], output: dict[str, Any], refusal: type[Exception], words: str
) -> None:
    spec = Manifest.parse(manifest(**output))
    with pytest.raises(refusal, match=words):
        load(made(), spec).score(to_frame([factories.DENIED], spec.inputs))
