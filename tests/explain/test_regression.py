"""A model that answers with a value: from the upload to the explanation, its page, its PDF and other values tried."""

from __future__ import annotations

import json

import lightgbm
import numpy as np
import pytest
from django.utils import timezone

from explain import expert, explaining, tasks
from explain.queries import report_of
from portal.demo.hmda import HMDA_READ
from registry import services as registry
from registry.models import Version
from registry.scoring.formats import load
from registry.scoring.frames import to_codes, to_frame
from tests import factories
from tests.explain.letters.conftest import text_of

from .conftest import ask
from .test_expert import tell

TRAINED = factories.trained_logistic


def rent() -> bytes:
    """A LightGBM model of a made-up rent: debt raises it, a bad record lowers it."""
    applicants = factories.applicants()
    schema = applicants.schema.subset(HMDA_READ)
    codes = to_codes(applicants.frame(applicants.rows[:600])[list(HMDA_READ)], schema)
    named = dict(zip(HMDA_READ, codes.T, strict=True))
    target = 1000 * named["pirat"] - 150 * named["phist"] + 20 * named["chist"]
    data = lightgbm.Dataset(codes, target, feature_name=list(HMDA_READ))
    settings = {"objective": "regression", "num_leaves": 8, "num_threads": 1, "verbose": -1}
    return lightgbm.train(settings, data, 40).model_to_string().encode()


def registered(system: str) -> Version:
    manifest = json.loads(TRAINED().manifest)
    for name in ("metrics", "source", "training_data"):
        manifest.pop(name, None)
    manifest |= {"model": {"format": "lightgbm", "task": "regression"}, "output": {"name": "rent"}}
    actor = factories.person("lead").actor
    upload = factories.upload_of(TRAINED(), manifest=json.dumps(manifest).encode(), artifact=rent())
    upload = type(upload)(manifest=upload.manifest, artifact=upload.artifact, background=upload.background)
    made = factories.make_system(actor, system)
    return registry.register_version(actor=actor, system=made, upload=upload, now=timezone.now())


def test_a_value_is_explained_from_the_upload_to_the_pdf(client_of, support) -> None:
    version = registered("rent")
    scorer = load(rent(), version.spec)
    value = float(scorer.score(to_frame([factories.DENIED], version.spec.inputs))[0])
    facts = {"system": "rent", "artifact_sha256": version.artifact_sha256, "output": {"score": value}}
    explanation = ask(factories.decided(1, **facts))
    tasks.compute(str(explanation.id))
    explanation.refresh_from_db()
    report = report_of(explanation)
    assert report["completeness"] == "full" and report["replay"]["verdict"] == "matches"
    assert (report["output_space"], report["threshold"], report["reference"]) == ("value", None, None)
    assert report["shap"]["method"] == "tree" and report["counterfactuals"] == report["cases"] == []
    pushed = sum(item["contribution"] for item in report["shap"]["contributions"])
    assert report["shap"]["base_value"] + pushed == pytest.approx(value, rel=1e-9)
    assert "moved the value up by" in report["reasons"][0] and "points" not in " ".join(report["disclosures"])
    page = client_of(support).get(f"/explanations/{explanation.id}/").content.decode()
    assert "units of the model&#x27;s answer" in page and "The model's answer was" in page
    other = {**factories.DENIED, "pirat": 0.1}
    tried = explaining.try_inputs(version, other, seed=1, seconds=30)
    assert tried["score"] < value and tried["label"] is None and np.isfinite(tried["prediction"])
    pdf = expert.report_pdf(explanation, report, tell=tell, now=timezone.now())
    assert pdf.startswith(b"%PDF")
    said = " ".join(text_of(pdf).split())
    assert "none: the answer is a value" in said and "towards “a higher value”" in said
