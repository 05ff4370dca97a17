"""The manifest that comes with a version: what the model is, what it reads and what its answer means."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator

from portal.errors import Problem

from .problems import DIGEST, HEX40, HEX64, ManifestInvalid, explain
from .schema import InputSchema

Format = Literal["skops", "xgboost", "lightgbm", "onnx", "remote"]
Task = Literal["binary_classification", "multiclass_classification", "regression"]
Protocol = Literal["v2", "json"]
FORMATS: tuple[Format, ...] = ("skops", "xgboost", "lightgbm", "onnx", "remote")
PROTOCOLS: tuple[Protocol, ...] = ("v2", "json")
TASKS: tuple[Task, ...] = ("binary_classification", "multiclass_classification", "regression")

__all__ = ["FORMATS", "TASKS", "Manifest", "ManifestInvalid", "Problem"]

_TEXT = {"type": "string", "minLength": 1, "maxLength": 500}
_META: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["model", "inputs"],
    "properties": {
        "model": {
            "type": "object",
            "additionalProperties": False,
            "required": ["format", "task"],
            "properties": {
                "format": {"enum": list(FORMATS)},
                "task": {"enum": list(TASKS)},
                # Of a model that is served elsewhere: where, in which protocol, and what its answers must call it.
                "endpoint": {"type": "string", "minLength": 1, "maxLength": 300},
                "protocol": {"enum": list(PROTOCOLS)},
                "model_version": _TEXT,
            },
        },
        "inputs": {"type": "object"},
        "output": {"type": "object"},
        "source": {
            "type": "object",
            "properties": {
                "repository": _TEXT,
                "commit": {"type": "string", "pattern": HEX40},
                "run_url": _TEXT,
            },
        },
        "image": {
            "type": "object",
            "required": ["digest"],
            "properties": {"digest": {"type": "string", "pattern": DIGEST}},
        },
        "training_data": {
            "type": "object",
            "properties": {
                "name": _TEXT,
                "sha256": {"type": "string", "pattern": HEX64},
                "rows": {"type": "integer", "minimum": 1},
            },
        },
        "metrics": {
            "type": "object",
            "additionalProperties": {"type": ["number", "string", "boolean", "null"]},
        },
    },
}
_CLASSIFIER_OUTPUT: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["labels", "adverse_label", "threshold"],
    "properties": {
        "name": _TEXT,
        "labels": {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2, "uniqueItems": True},
        "adverse_label": _TEXT,
        "threshold": {"type": "number", "minimum": 0, "maximum": 1},
    },
}
_MULTICLASS_OUTPUT: dict[str, Any] = {
    **_CLASSIFIER_OUTPUT,
    "required": [*_CLASSIFIER_OUTPUT["required"], "classes", "adverse_classes"],
    "properties": {
        **_CLASSIFIER_OUTPUT["properties"],
        "classes": {"type": "array", "items": _TEXT, "minItems": 3, "maxItems": 20, "uniqueItems": True},
        "adverse_classes": {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True},
    },
}
_REGRESSION_OUTPUT: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"name": _TEXT},
}


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """How the artifact is written and what it does."""

    format: Format
    task: Task
    endpoint: str | None = None
    protocol: Protocol | None = None
    model_version: str | None = None

    @property
    def is_remote(self) -> bool:
        """Whether the model is served elsewhere, and only its description is here."""
        return self.format == "remote"


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """What a score means. For regression there are no labels: the score is the answer.

    A model of more than two classes (in the order of its columns) still leads to one of two answers: the score is the
    probability of all classes together that lead to the adverse one.
    """

    labels: tuple[str, str] | None = None
    adverse_label: str | None = None
    threshold: float | None = None
    name: str = "score"
    classes: tuple[str, ...] = ()
    adverse_classes: tuple[str, ...] = ()

    @property
    def outcomes(self) -> tuple[str, ...]:
        """What the model itself tells apart: its classes, or the labels."""
        return self.classes or self.labels or ()

    @property
    def adverse_outcomes(self) -> tuple[str, ...]:
        """Those of them that lead to the adverse answer."""
        return self.adverse_classes or ((self.adverse_label,) if self.adverse_label is not None else ())

    def adverse_among(self, names: Sequence[str]) -> tuple[int, ...]:
        """The places of the adverse outcomes in the model's own order."""
        return tuple(place for place, name in enumerate(names) if name in self.adverse_outcomes)

    @property
    def favourable_label(self) -> str | None:
        """The label that is not the adverse one."""
        if self.labels is None:
            return None
        return self.labels[1] if self.labels[0] == self.adverse_label else self.labels[0]

    def label(self, score: float) -> str | None:
        """Return the label that a score leads to: adverse from the threshold upwards; None for regression."""
        if self.threshold is None:
            return None
        return self.adverse_label if score >= self.threshold else self.favourable_label


@dataclass(frozen=True, slots=True)
class Source:
    """Where the code that made the model is kept."""

    repository: str | None = None
    commit: str | None = None
    run_url: str | None = None


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What the model learnt from."""

    name: str | None = None
    sha256: str | None = None
    rows: int | None = None


@dataclass(frozen=True)
class Manifest:
    """A manifest that passed every check. `raw` is a private copy of what was sent, for storage."""

    model: ModelSpec
    inputs: InputSchema
    output: OutputSpec
    raw: Mapping[str, Any] = field(repr=False)
    source: Source | None = None
    image_digest: str | None = None
    training_data: TrainingData | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, raw: object) -> Manifest:
        """Read a manifest; raise ManifestInvalid with every problem found in it."""
        raw = copy.deepcopy(raw)
        problems = _problems(raw)
        inputs: InputSchema | None = None
        if isinstance(raw, dict) and "inputs" in raw:
            try:
                inputs = InputSchema.parse(raw["inputs"])
            except ManifestInvalid as invalid:
                problems += invalid.details
        if problems or inputs is None or not isinstance(raw, dict):
            raise ManifestInvalid(list(dict.fromkeys(problems)))
        return cls(
            model=ModelSpec(**raw["model"]),
            inputs=inputs,
            output=_output(raw.get("output", {})),
            raw=raw,
            source=Source(**_known(raw, "source", "repository", "commit", "run_url"))
            if "source" in raw
            else None,
            image_digest=raw["image"]["digest"] if "image" in raw else None,
            training_data=TrainingData(**_known(raw, "training_data", "name", "sha256", "rows"))
            if "training_data" in raw
            else None,
            metrics=raw.get("metrics", {}),
        )

    @property
    def is_classifier(self) -> bool:
        """True for classification: scores are probabilities of the adverse label."""
        return self.model.task != "regression"


def _problems(raw: object) -> list[Problem]:
    found = _broken(_META, raw, [])
    if not isinstance(raw, dict):
        return [Problem("manifest", "must be a JSON object")]
    model = raw.get("model")
    task = None
    if isinstance(model, dict):
        task = model.get("task")
        found += _endpoint_problems(model)
    if task in ("binary_classification", "multiclass_classification"):
        if "output" not in raw:
            return [*found, Problem("output", "is required")]
        wanted = _CLASSIFIER_OUTPUT if task == "binary_classification" else _MULTICLASS_OUTPUT
        found += _broken(wanted, raw["output"], ["output"])
        found += _label_problems(raw["output"])
        found += _class_problems(raw["output"], task)
    elif task == "regression":
        found += _broken(_REGRESSION_OUTPUT, raw.get("output", {}), ["output"])
    return found


def _broken(schema: dict[str, Any], value: object, path: list[object]) -> list[Problem]:
    errors = Draft202012Validator(schema).iter_errors(value)
    return [problem for error in errors for problem in explain(error, path, "key")]


def _endpoint_problems(model: dict[str, Any]) -> list[Problem]:
    """A model elsewhere needs an address that means one thing only; of another, none of its parts."""
    if model.get("format") != "remote":
        parts = [name for name in ("endpoint", "protocol", "model_version") if name in model]
        return [Problem(f"model.{name}", "is only for the format remote") for name in parts]
    found = [Problem(f"model.{name}", "is required") for name in ("endpoint", "protocol") if name not in model]
    endpoint = model.get("endpoint")
    if isinstance(endpoint, str) and not _is_endpoint(endpoint):
        found.append(Problem("model.endpoint", "must be an https address without user, password or fragment"))
    return found


def _is_endpoint(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    plain = re.fullmatch(r"[!-~]+", text) and not re.search(r"[\\@#]", text)
    return bool(plain and parts.scheme in ("https", "http") and parts.hostname and port != 0)


def _label_problems(output: object) -> list[Problem]:
    if not isinstance(output, dict) or not isinstance(output.get("labels"), list):
        return []
    labels, adverse = output["labels"], output.get("adverse_label")
    if adverse is None or adverse in labels:
        return []
    return [Problem("output.adverse_label", f"must be one of the labels: {', '.join(map(str, labels))}")]


def _class_problems(output: object, task: str) -> list[Problem]:
    """A decision has two answers, however many classes the model knows; each of its classes leads to one of them."""
    if not isinstance(output, dict):
        return []
    labels, classes, adverse = (output.get(name) for name in ("labels", "classes", "adverse_classes"))
    if isinstance(labels, list) and len(labels) > 2:
        words = "are the two answers of a decision; of a model with more classes (the task multiclass_classification)"
        more = "list these as output.classes, and those that lead to the adverse answer as output.adverse_classes"
        return [Problem("output.labels", f"{words} {more}")]
    if task != "multiclass_classification" or not isinstance(classes, list) or not isinstance(adverse, list):
        return []
    if unknown := [name for name in adverse if name not in classes]:
        return [Problem("output.adverse_classes", f"must be among the classes; {unknown[0]} is not")]
    if len(adverse) >= len(classes):
        return [Problem("output.adverse_classes", "must leave a class that leads to the other answer")]
    return []


def _output(raw: Mapping[str, Any]) -> OutputSpec:
    if "labels" not in raw:
        return OutputSpec(name=raw.get("name", "score"))
    first, second = raw["labels"]
    return OutputSpec(
        labels=(first, second),
        adverse_label=raw["adverse_label"],
        threshold=float(raw["threshold"]),
        name=raw.get("name", "score"),
        classes=tuple(raw.get("classes", ())),
        adverse_classes=tuple(raw.get("adverse_classes", ())),
    )


def _known(raw: Mapping[str, Any], key: str, *names: str) -> dict[str, Any]:
    return {name: raw[key][name] for name in names if name in raw[key]}
