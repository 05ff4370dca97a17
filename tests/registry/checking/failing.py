"""For each gate an input that must fail it, and what is said then. The tests hold it; `gates_bench` prints it."""

from __future__ import annotations

import csv
import io
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import xgboost

from portal.errors import Refusal
from registry.checking.findings import Finding
from registry.checking.gates import BY_KIND, Level, satisfies
from registry.checking.importing import images, parity, validations
from registry.checking.parts import Parts
from registry.checking.running import Context, Target, findings_of
from registry.intake import examine_upload
from registry.scoring.formats import load
from registry.scoring.frames import to_frame
from registry.scoring.manifest import Manifest
from tests import factories

Said = tuple[str, str]
Try = Callable[[Path], Said]


@dataclass(frozen=True)
class Case:
    """`tried` has the gate judge the bad input in a folder that it may write to, and gives verdict and words."""

    gate: str
    what: str
    words: str
    tried: Try


CASES: list[Case] = []


def case(gate: str, what: str, words: str) -> Callable[[Try], Try]:
    """Add a case: what is wrong with the input, and words that the answer must hold."""

    def add(tried: Try) -> Try:
        CASES.append(Case(gate, what, words, tried))
        return tried

    return add


def parts_in(folder: Path, trained: Any, *, number: int = 3, manifest: dict | None = None, **changes: Any) -> Parts:
    """A trained model's files in the folder, some changed; None leaves one out."""
    given = {
        "artifact": trained.artifact,
        "background": trained.background,
        "evaluation": trained.evaluation,
        **changes,
    }
    paths = {}
    for name, content in given.items():
        if content is not None:
            paths[name] = folder / f"{name}-{number}"
            paths[name].write_bytes(content)
    parsed = Manifest.parse(manifest or json.loads(trained.manifest))
    return Parts(parsed, number=number, evaluation_sha256="ab" * 32 if "evaluation" in paths else None, **paths)


def finding(gate: str, parts: Parts, context: Context | None = None, **thresholds: float) -> Finding:
    """The one gate's finding, with its default thresholds but for those given."""
    only = {gate: {**BY_KIND[gate].defaults, **thresholds}}
    [found] = findings_of(parts, replace(context or Context({}), thresholds=only))
    return found


def changed_rows(sample: bytes, change: Callable[[dict[str, str]], dict[str, str]]) -> bytes:
    """The CSV with every row changed."""
    rows = [change(row) for row in csv.DictReader(io.StringIO(sample.decode()))]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@cache
def golden_rows(spoilt: int | None = None) -> bytes:
    """Fifty applicants with the boosted trees' scores, as their trainer would send them; one may be wrong."""
    trained = factories.trained_boosting()
    manifest = Manifest.parse(json.loads(trained.manifest))
    rows = factories.applicants().held_out[:50]
    scores = load(trained.artifact, manifest).score(to_frame(rows, manifest.inputs))
    if spoilt is not None:
        scores[spoilt] += 0.001
    return pd.DataFrame(rows).assign(score=[repr(float(score)) for score in scores]).to_csv(index=False).encode()


def _boosting(folder: Path, **changes: Any) -> Parts:
    return parts_in(folder, factories.trained_boosting(), **changes)


def _manifest(**changes: Any) -> dict[str, Any]:
    return {**json.loads(factories.trained_boosting().manifest), **changes}


def _narrower() -> dict[str, Any]:
    """A manifest whose schema takes no payments above half of the income."""
    manifest = _manifest()
    manifest["inputs"]["properties"]["pirat"]["maximum"] = 0.5
    return manifest


def _said(found: Finding) -> Said:
    return found.verdict.value, found.summary


def _sent(**changes: bytes) -> Said:
    try:
        examine_upload(factories.upload_of(factories.trained_boosting(), **changes))
    except Refusal as refusal:
        listed = [f"{item.path} {item.problem}" for item in refusal.details[:3] if item.problem != refusal.message]
        return "refused", " ".join([refusal.message, "; ".join(listed)]).strip()
    return "accepted", ""


def _unproven(gate: str, verdict: str) -> Said:
    """What a claim, or nothing at all, is worth where the policy wants proof."""
    assert BY_KIND[gate].defaults == {"accept_claim": 1}
    holds = satisfies(Level.REQUIRED, verdict, {"accept_claim": 0})
    return "satisfied" if holds else "not satisfied", f"{verdict} is not enough where the gate is required"


@case("artifact", "a pickle", "pickle")
def _pickle(folder: Path) -> Said:
    return _sent(artifact=pickle.dumps({"a": 1}))


@case("artifact", "a file that no longer opens", "not a xgboost model")
def _junk(folder: Path) -> Said:
    return _said(finding("artifact", _boosting(folder, artifact=b"junk")))


@case("schema", "a schema without the model's inputs", "inputs")
def _schema(folder: Path) -> Said:
    inputs = {"type": "object", "additionalProperties": False, "properties": {"x": {"type": "number"}}}
    manifest = json.dumps(_manifest(inputs=inputs)).encode()
    return _sent(manifest=manifest, background=b"x\n1\n", evaluation=b"x,label\n1,deny\n")


@case("background", "a sample that lacks columns", "background.hirat is a missing column")
def _background(folder: Path) -> Said:
    return _sent(background=b"pirat\n1\n")


@case("libraries", "an artifact of a newer XGBoost", "xgboost 3.9.0, read by 3.2.0")
def _libraries(folder: Path) -> Said:
    booster = xgboost.Booster()
    booster.load_model(bytearray(factories.trained_boosting().artifact))
    model = {**json.loads(bytes(booster.save_raw("json"))), "version": [3, 9, 0]}
    return _said(finding("libraries", _boosting(folder, artifact=json.dumps(model).encode())))


@case("golden_rows", "one of 50 golden rows off by 0.001", "1 of 50 golden rows differ by more than 1e-06; row 8")
def _golden(folder: Path) -> Said:
    return _said(finding("golden_rows", _boosting(folder, golden=golden_rows(spoilt=7))))


@case("performance", "a claim of ROC AUC 0.95", "the manifest claims ROC AUC 0.95, we compute 0.83")
def _claim(folder: Path) -> Said:
    return _said(finding("performance", _boosting(folder, manifest=_manifest(metrics={"roc_auc": 0.95}))))


@case("performance", "an evaluation sample with the labels swapped", "ROC AUC is 0.166, at least 0.65 is needed")
def _swapped(folder: Path) -> Said:
    other = {"deny": "grant", "grant": "deny"}
    sample = changed_rows(factories.trained_boosting().evaluation, lambda row: {**row, "label": other[row["label"]]})
    return _said(finding("performance", _boosting(folder, evaluation=sample)))


@case("distribution", "boosted trees after a logistic regression", "PSI against version 2 is")
def _distribution(folder: Path) -> Said:
    live = parts_in(folder, factories.trained_logistic(), number=2)
    return _said(finding("distribution", _boosting(folder), Context({}, live=live)))


@case("distribution", "applicants who are denied by group alone", "favourable rate yes 0.0% against no 100.0%")
def _groups(folder: Path) -> Said:
    def by_group(row: dict[str, str]) -> dict[str, str]:
        inputs = factories.DENIED if row["afam"] == "yes" else factories.GRANTED
        return {**row, **{name: str(value) for name, value in inputs.items()}}

    sample = changed_rows(factories.trained_boosting().evaluation, by_group)
    return _said(finding("distribution", _boosting(folder, evaluation=sample)))


@case("distribution", "a live version that takes fewer inputs", "cannot score these rows: pirat must be")
def _live_refuses(folder: Path) -> Said:
    live = _boosting(folder, number=2, manifest=_narrower())
    return _said(finding("distribution", _boosting(folder), Context({}, live=live)))


@case("latency", "a pipeline against a promise of 1 ms", "at most 1 ms are allowed")
def _latency(folder: Path) -> Said:
    return _said(finding("latency", parts_in(folder, factories.trained_logistic()), max_p99_ms=1))


@case("explanation", "explanations against a promise of 1 ms", "at most 1 ms are allowed")
def _explanation(folder: Path) -> Said:
    return _said(finding("explanation", _boosting(folder), max_ms=1))


@case("commit", "a commit that only the manifest names, where proof is wanted", "claimed is not enough")
def _commit(folder: Path) -> Said:
    return _unproven("commit", "claimed")


@case("training_data", "no fingerprint of the training data", "missing is not enough")
def _training_data(folder: Path) -> Said:
    return _unproven("training_data", "missing")


@case("image", "a manifest that does not hash to the digest", "the version names sha256:bbbb")
def _image(folder: Path) -> Said:
    return _said(images.judge('{"schemaVersion": 2}', "sha256:" + "b" * 64, BY_KIND["image"].defaults))


@case("feature_parity", "a feature that differs for every tenth key", "pirat")
def _parity(folder: Path) -> Said:
    training = pd.DataFrame({"id": range(200), "pirat": [(1 + index) / 200 for index in range(200)]})
    serving = training.assign(pirat=training["pirat"].where(training["id"] % 10 > 0, 0.0))
    compared = parity.compare(training, serving, ["id"])
    return _said(parity.judge(compared, ["pirat"], BY_KIND["feature_parity"].defaults))


@case("data_quality", "a failed expectation on the training data", "expect_column_values_to_not_be_null")
def _validation(folder: Path) -> Said:
    config = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "pirat"}}
    sent = {"success": False, "results": [{"success": False, "expectation_config": config}], "suite_name": "hmda"}
    return _said(validations.judge(sent, BY_KIND["data_quality"].defaults))


@case("rollback", "a live version that takes fewer inputs", "values above 0.5 would be refused")
def _rollback(folder: Path) -> Said:
    target = Target(2, Manifest.parse(_narrower()).inputs)
    return _said(finding("rollback", _boosting(folder), Context({}, target=target)))
