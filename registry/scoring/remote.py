"""A model that is served elsewhere: what it is asked, what of its answers counts as scores, and how it is described.

Knows no network. Whoever loads it hands in the way to ask; its answers are a stranger's and are read as strictly as an
artifact is, in the confined process where there is one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from portal.strict_json import JsonRefused, parse

from .frames import to_codes
from .manifest import Manifest
from .problems import ArtifactRefused, ScoreInvalid
from .schema import Feature
from .scorer import Scorer

# What one call carries: enough to hide the way there and back, and about 1 MiB of JSON at the most.
MOST_ROWS = 2_000
MOST_CELLS = 50_000

# The answer's bytes to a request's bytes; ScoreInvalid, in words that go on "the model failed", where there is none.
Ask = Callable[[bytes], bytes]


class RemoteScorer(Scorer):
    """A model behind a predict endpoint."""

    format = "remote"

    def __init__(self, manifest: Manifest, ask: Ask) -> None:
        super().__init__(manifest, None, manifest.inputs.names)
        self._manifest = manifest
        self.columns = manifest.output.adverse_among(manifest.output.outcomes) or (0,)
        self._ask = ask
        self._encode, self._decode = _PROTOCOLS[str(manifest.model.protocol)]
        self._rows = max(1, min(MOST_ROWS, MOST_CELLS // len(self.schema.features)))

    @property
    def where(self) -> dict[str, str | None]:
        """Where it is, and what its answers were made sure to call it, for whoever must judge what was explained."""
        model = self._manifest.model
        return {"endpoint": model.endpoint, "model_version": model.model_version}

    def _raw(self, frame: pd.DataFrame) -> np.ndarray:
        return self._raw_codes(to_codes(frame, self.schema))

    def _raw_codes(self, codes: np.ndarray) -> np.ndarray:
        parts = [codes[start : start + self._rows] for start in range(0, len(codes), self._rows)]
        return np.concatenate([self._scores(part) for part in parts])

    def _scores(self, codes: np.ndarray) -> np.ndarray:
        columns = [_values(codes[:, place], feature) for place, feature in enumerate(self.schema.features)]
        body = json.dumps(self._encode(columns, self.schema.features), allow_nan=False).encode()
        try:
            answer = parse(self._ask(body))
        except JsonRefused as error:
            raise ScoreInvalid(f"the endpoint did not answer in JSON: {error}") from None
        if not isinstance(answer, dict):
            raise ScoreInvalid("the endpoint did not answer with a JSON object")
        self._check_version(answer.get("model_version"))
        return self._adverse(_numbers(self._decode(answer, self._manifest), len(codes), self._manifest))

    def _check_version(self, named: object) -> None:
        wanted = self._manifest.model.model_version
        if wanted is not None and named != wanted:
            said = f"calls itself version {named!s:.60}" if named is not None else "does not say which version it is"
            raise ScoreInvalid(f"the endpoint {said}; registered is {wanted}")


def load_remote(data: bytes, manifest: Manifest, ask: Ask | None) -> RemoteScorer:
    """The scorer; ArtifactRefused where the description is another one, or where nobody may ask (a gateway)."""
    if data != description(manifest):
        raise ArtifactRefused("artifact_mismatch", "The stored description is not that of the manifest's endpoint.")
    if ask is None:
        raise ArtifactRefused("served_elsewhere", "This version is served elsewhere; there is no model here to load.")
    return RemoteScorer(manifest, ask)


def description(manifest: Manifest) -> bytes:
    """The bytes that stand for the artifact: where the model is and how it is asked. They are hashed and approved."""
    return json.dumps(dict(manifest.raw["model"]), sort_keys=True, ensure_ascii=False).encode()


def _values(codes: np.ndarray, feature: Feature) -> list[Any]:
    """Plain values as a caller would send them; None where one is missing."""
    read: Callable[[float], Any] = float
    if feature.kind == "category":
        read = lambda code: feature.categories[int(code)]  # noqa: E731 - one of four ways to read a code
    elif feature.kind in ("boolean", "integer"):
        read = bool if feature.kind == "boolean" else int
    return [None if code != code else read(code) for code in codes.tolist()]


def _rows_of(columns: list[list[Any]], features: tuple[Feature, ...]) -> dict[str, Any]:
    """`{"instances": [{input: value, …}, …]}`, the rows of KServe's first protocol and of Vertex AI."""
    names = [feature.name for feature in features]
    return {"instances": [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]}


def _predictions(answer: dict[str, Any], manifest: Manifest) -> Any:
    if "predictions" not in answer:
        raise ScoreInvalid("the endpoint's answer has no predictions")
    return answer["predictions"]


_DATATYPES = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "category": "BYTES"}


def _tensors_of(columns: list[list[Any]], features: tuple[Feature, ...]) -> dict[str, Any]:
    """One tensor for each input, as the Open Inference Protocol (v2) has a table. What is missing is null."""
    tensors = [
        {"name": feature.name, "shape": [len(data), 1], "datatype": _DATATYPES[feature.kind], "data": data}
        for feature, data in zip(features, columns, strict=True)
    ]
    return {"parameters": {"content_type": "pd"}, "inputs": tensors}


def _tensor(answer: dict[str, Any], manifest: Manifest) -> Any:
    outputs = answer.get("outputs")
    if not isinstance(outputs, list) or not outputs or not all(isinstance(each, dict) for each in outputs):
        raise ScoreInvalid("the endpoint's answer has no outputs")
    named = [each for each in outputs if each.get("name") == manifest.output.name] or outputs
    if len(named) > 1:
        names = ", ".join(str(each.get("name"))[:40] for each in named[:5])
        raise ScoreInvalid(f"the endpoint answers with several outputs ({names}); name one as output.name")
    data, shape = named[0].get("data"), named[0].get("shape")
    width = shape[1] if isinstance(shape, list) and len(shape) == 2 else None
    if width == len(manifest.output.outcomes) and isinstance(data, list) and _is_flat(data):
        return [data[at : at + width] for at in range(0, len(data), width)]
    return data


def _is_flat(data: list[Any]) -> bool:
    return not any(isinstance(item, list) for item in data)


def _numbers(found: Any, rows: int, manifest: Manifest) -> np.ndarray:
    """One number for each row, or one for each label or class in the manifest's order."""
    if not isinstance(found, list) or len(found) != rows:
        count = len(found) if isinstance(found, list) else "no list of"
        raise ScoreInvalid(f"the endpoint answered with {count} scores for {rows} rows")
    rows_found = [item if isinstance(item, list) else [item] for item in found]
    widths = sorted({len(item) for item in rows_found})
    if len(widths) > 1 or widths[0] not in (1, len(manifest.output.outcomes)):
        raise ScoreInvalid(f"the endpoint answers with {' or '.join(map(str, widths))} numbers for a row")
    return np.array([[_number(item) for item in row] for row in rows_found], dtype=np.float64)


def _number(item: Any) -> float:
    if isinstance(item, bool) or not isinstance(item, int | float):
        raise ScoreInvalid(f"the endpoint answers with {str(item)[:40]!r}, which is no number; a score is wanted")
    return float(item)


_PROTOCOLS: dict[str, tuple[Callable[..., dict[str, Any]], Callable[..., Any]]] = {
    "v2": (_tensors_of, _tensor),
    "json": (_rows_of, _predictions),
}
