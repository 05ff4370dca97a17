"""ONNX models: from bytes, standard operators only, nothing outside the file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from .frames import from_codes, to_codes
from .manifest import Manifest
from .problems import ArtifactRefused, ScoreInvalid
from .schema import InputSchema
from .scorer import Scorer, first_line, inputs_by_count, known_inputs, raise_if_memory

_DOMAINS = {"", "ai.onnx", "ai.onnx.ml"}
# A decision must be replayable, and a loop in a crafted file need not end.
_BARRED_OPS = {
    "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial",
    "Bernoulli", "Loop",
}  # fmt: skip
_FLOATS = {"tensor(float)": np.float32, "tensor(double)": np.float64}
_MATRIX = {**_FLOATS, "tensor(int64)": np.int64}

Feeder = Callable[[pd.DataFrame, np.ndarray], dict[str, np.ndarray]]


class OnnxScorer(Scorer):
    """An onnxruntime.InferenceSession."""

    format = "onnx"

    def __init__(
        self, manifest: Manifest, session: Any, names: tuple[str, ...], output: str, columns: tuple[int, ...]
    ) -> None:
        super().__init__(manifest, session, names)
        self._output = output
        self.columns = columns
        self._inputs = {node.name: node.type for node in session.get_inputs()}
        self._read = manifest.inputs.subset(names)
        self._columns = [manifest.inputs.names.index(name) for name in names]
        self._by_name = len(self._inputs) > 1 or set(self._inputs) == set(names)

    def _raw(self, frame: pd.DataFrame) -> np.ndarray:
        if not self._by_name:
            return self._run(self._matrix(to_codes(frame, self._read)))
        return self._run(
            {name: _column(frame[name].to_numpy(), kind, name) for name, kind in self._inputs.items()}
        )

    def _raw_codes(self, codes: np.ndarray) -> np.ndarray:
        if self._by_name:
            return self._raw(from_codes(codes, self.schema))
        return self._run(self._matrix(codes[:, self._columns]))

    def _matrix(self, codes: np.ndarray) -> dict[str, np.ndarray]:
        ((name, kind),) = self._inputs.items()
        return {name: codes.astype(_FLOATS[kind])}

    def _run(self, feed: dict[str, np.ndarray]) -> np.ndarray:
        (output,) = self.native.run([self._output], feed)
        return self._adverse(np.asarray(output))


def _column(values: np.ndarray, kind: str, name: str) -> np.ndarray:
    if kind == "tensor(string)":
        # ONNX has no missing text; the empty text is what encoders treat as unknown.
        return np.array([value if isinstance(value, str) else "" for value in values], dtype=object).reshape(
            -1, 1
        )
    numbers = np.asarray(values, dtype=np.float64)
    if kind == "tensor(int64)" and np.isnan(numbers).any():
        raise ScoreInvalid(f"{name} is missing, and the model reads it as a whole number")
    return numbers.astype(_MATRIX[kind]).reshape(-1, 1)


def load_onnx(data: bytes, manifest: Manifest) -> OnnxScorer:
    """Load an ONNX model; raise ArtifactRefused unless it is self-contained and fits the manifest."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, ValueError, RecursionError):
        raise ArtifactRefused("artifact_unreadable", "This is no ONNX model, or it was cut short.") from None
    if not model.graph.output:
        raise ArtifactRefused("artifact_unreadable", "This is no ONNX model: it has no output.")
    _check_graph(model)
    session = _session(data)
    names = _names(session, model, manifest.inputs)
    output = _pick_output(session, manifest.is_classifier)
    # A regression's only column is read whatever stands here.
    columns = _adverse_columns(model, manifest) if manifest.is_classifier else (0,)
    return OnnxScorer(manifest, session, names, output, columns)


def _session(data: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except MemoryError:
        raise
    except Exception as error:
        raise_if_memory(error)
        # onnxruntime's exceptions share no base class but Exception.
        raise ArtifactRefused(
            "artifact_unreadable", f"onnxruntime cannot read it: {first_line(error)}"
        ) from error


def _graphs(model: Any) -> Iterator[Any]:
    """Yield the graph, every graph inside its nodes, and the model's own functions."""
    stack = [model.graph, *model.functions]
    while stack:
        graph = stack.pop()
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                stack.extend([attribute.g] if attribute.HasField("g") else [])
                stack.extend(attribute.graphs)


def _check_graph(model: Any) -> None:
    own = {function.domain for function in model.functions}
    foreign: set[str] = set()
    for graph in _graphs(model):
        for tensor in _tensors(graph):
            if tensor.data_location or tensor.external_data:
                raise ArtifactRefused(
                    "artifact_type_not_allowed",
                    "The ONNX model keeps data outside its file; put all of it inside.",
                )
        for node in graph.node:
            if node.domain not in _DOMAINS | own:
                foreign.add(f"{node.domain}.{node.op_type}")
            elif node.op_type in _BARRED_OPS:
                foreign.add(node.op_type)
    if foreign:
        raise ArtifactRefused(
            "artifact_type_not_allowed",
            f"The ONNX model uses operators that are not allowed: {', '.join(sorted(foreign)[:10])}.",
        )


def _tensors(graph: Any) -> Iterator[Any]:
    yield from getattr(graph, "initializer", ())
    for sparse in getattr(graph, "sparse_initializer", ()):
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from attribute.tensors
            if attribute.HasField("t"):
                yield attribute.t
            for sparse in [*attribute.sparse_tensors, attribute.sparse_tensor]:
                yield from (sparse.values, sparse.indices)


def _names(session: Any, model: Any, schema: InputSchema) -> tuple[str, ...]:
    """The inputs by the names of the graph's inputs; for one matrix by metadata, or all in order."""
    inputs = session.get_inputs()
    names = tuple(node.name for node in inputs)
    if len(inputs) == 1 and inputs[0].name not in schema.by_name:
        return _matrix_names(inputs[0], model, schema)
    known_inputs(names, schema)
    for node in inputs:
        wanted = {"tensor(string)"} if schema.by_name[node.name].kind == "category" else set(_MATRIX)
        if node.type not in wanted or len(node.shape) != 2 or node.shape[1] not in (1, None):
            raise ArtifactRefused(
                "artifact_mismatch",
                f"The ONNX input {node.name} is {node.type} of shape {node.shape}; "
                f"one column of {' or '.join(sorted(wanted))} was expected.",
            )
    return names


def _matrix_names(node: Any, model: Any, schema: InputSchema) -> tuple[str, ...]:
    if node.type not in _FLOATS or len(node.shape) != 2:
        raise ArtifactRefused(
            "artifact_mismatch",
            f"The ONNX input {node.name} is {node.type} of shape {node.shape}; "
            "one matrix of floats, or one input per manifest input, was expected.",
        )
    metadata = {item.key: item.value for item in model.metadata_props}
    width = node.shape[1] if isinstance(node.shape[1], int) else None
    if "feature_names" not in metadata:
        return inputs_by_count(width if width is not None else len(schema.names), schema)
    try:
        listed = tuple(str(name) for name in json.loads(metadata["feature_names"]))
    except (ValueError, TypeError, RecursionError):
        raise ArtifactRefused(
            "artifact_mismatch", "The metadata feature_names must be a JSON list."
        ) from None
    if width is not None and width != len(listed):
        raise ArtifactRefused(
            "artifact_mismatch", f"feature_names lists {len(listed)} inputs, the matrix has {width}."
        )
    return known_inputs(listed, schema)


def _pick_output(session: Any, is_classifier: bool) -> str:
    outputs = session.get_outputs()
    if any(node.type.startswith(("seq(", "map(")) for node in outputs):
        raise ArtifactRefused(
            "artifact_mismatch",
            "The ONNX model answers with a ZipMap (a list of dictionaries). "
            "Convert it with options={'zipmap': False}.",
        )
    floats = [node for node in outputs if node.type in _FLOATS]
    if is_classifier:
        floats = [node for node in floats if "prob" in node.name.lower()] or floats
    if len(floats) != 1:
        raise ArtifactRefused(
            "artifact_mismatch",
            f"The ONNX model must have one output of {'probabilities' if is_classifier else 'values'}; "
            f"it has {', '.join(f'{node.name} ({node.type})' for node in outputs)}.",
        )
    return str(floats[0].name)


def _adverse_columns(model: Any, manifest: Manifest) -> tuple[int, ...]:
    """The adverse label's columns: by name where the graph knows names, else the second, or classes as they are listed.

    scikit-learn orders text labels by alphabet, so that `deny` comes before `grant`.
    """
    output = manifest.output
    labels = output.outcomes
    found = [names for names in _class_names(model, len(labels)) if set(names) == set(labels)]
    if found:
        return output.adverse_among(found[0])
    if any(output.type.tensor_type.elem_type == 8 for output in model.graph.output):
        raise ArtifactRefused(
            "artifact_mismatch",
            f"The ONNX model answers with label names that are not the manifest's ({', '.join(labels)}).",
        )
    return output.adverse_among(output.classes) if output.classes else (1,)


def _class_names(model: Any, count: int) -> Iterator[list[str]]:
    for graph in _graphs(model):
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.name in ("classlabels_strings", "keys_strings", "values_strings"):
                    yield [text.decode("utf-8", "replace") for text in attribute.strings]
        for tensor in getattr(graph, "initializer", ()):
            if tensor.string_data and len(tensor.string_data) == count:
                yield [text.decode("utf-8", "replace") for text in tensor.string_data]
