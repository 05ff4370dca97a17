"""Real artifacts, good and bad, in a store of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import skops.io
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression

from explain.methods import DecisionFacts
from registry import store
from registry.scoring import frames
from registry.scoring.manifest import Manifest

INPUTS = {
    "type": "object",
    "additionalProperties": False,
    "required": ["debt", "income", "late"],
    "properties": {name: {"type": "number", "x-actionable": True} for name in ("debt", "income", "late")},
}
ROW = {"debt": 0.9, "income": 0.1, "late": 0.7}
WIDTH = 1_024


def manifest(kind: str) -> dict[str, Any]:
    return {
        "model": {"format": kind, "task": "binary_classification"},
        "inputs": INPUTS,
        "output": {"labels": ["grant", "deny"], "adverse_label": "deny", "threshold": 0.5},
    }


def background(rows: int = 300) -> np.ndarray:
    return np.random.default_rng(0).random((rows, 3))


def version(root: Path, kind: str, artifact: bytes, rows: int = 300) -> dict[str, Any]:
    """What a job says of a version whose files are in the store."""
    raw = manifest(kind)
    sample = frames.from_codes(background(rows), Manifest.parse(raw).inputs).to_csv(index=False).encode()
    digests = {"artifact_sha256": store.put(root, artifact), "background_sha256": store.put(root, sample)}
    return {**digests, "manifest": raw, "population": "the sample of a test"}


def job(about: dict[str, Any], recorded: float | None = None, **changes: Any) -> dict[str, Any]:
    facts = vars(DecisionFacts("0199-a", "mortgage", 1, about["artifact_sha256"], recorded))
    asked = {"kind": "explain", "version": about, "inputs": ROW, "facts": facts, "budget_s": 30.0, "without": []}
    return {**asked, **changes}


def logistic() -> bytes:
    rows = background()
    frame = frames.from_codes(rows, Manifest.parse(manifest("skops")).inputs)
    return skops.io.dumps(LogisticRegression().fit(frame, np.where(rows[:, 0] > rows[:, 1], "deny", "grant")))


def graph(nodes: list[Any], constants: dict[str, np.ndarray]) -> bytes:
    """An ONNX model from `rows` (floats, 3 columns) to `probability` (1 column)."""
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def steady() -> bytes:
    """A plain logistic function."""
    weights = np.array([[3.0], [-3.0], [1.0]], dtype=np.float32)
    return graph(
        [helper.make_node("MatMul", ["rows", "w"], ["m"]), helper.make_node("Sigmoid", ["m"], ["probability"])],
        {"w": weights},
    )


def slow(layers: int) -> bytes:
    """So many multiplications of 1,024 × 1,024 for each row, of one matrix that is stored once: about 0.1 ms each."""
    rng = np.random.default_rng(0)
    square = np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0].astype(np.float32)
    wide = rng.normal(size=(3, WIDTH)).astype(np.float32)
    nodes = [helper.make_node("MatMul", ["rows", "wide"], ["x0"])]
    for layer in range(layers):
        nodes += [helper.make_node("MatMul", [f"x{layer}", "square"], [f"x{layer + 1}"])]
    nodes += [
        helper.make_node("MatMul", [f"x{layers}", "narrow"], ["m"]),
        helper.make_node("Sigmoid", ["m"], ["probability"]),
    ]
    return graph(nodes, {"wide": wide, "square": square, "narrow": rng.normal(size=(WIDTH, 1)).astype(np.float32) / 30})


def hungry() -> bytes:
    """Twelve gigabytes for whatever it is asked."""
    nodes = [
        helper.make_node("ReduceSum", ["rows"], ["s"], keepdims=0),
        helper.make_node("Expand", ["s", "size"], ["large"]),
        helper.make_node("ReduceMean", ["large"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["rows", "w"], ["m"]),
        helper.make_node("Add", ["m", "mean"], ["a"]),
        helper.make_node("Sigmoid", ["a"], ["probability"]),
    ]
    sizes = np.array([3_000_000_000], dtype=np.int64)
    return graph(nodes, {"size": sizes, "w": np.ones((3, 1), dtype=np.float32)})


def undefined_below_zero() -> bytes:
    """The logarithm of the first input: NaN where it is negative."""
    nodes = [
        helper.make_node("MatMul", ["rows", "w"], ["first"]),
        helper.make_node("Log", ["first"], ["l"]),
        helper.make_node("Sigmoid", ["l"], ["probability"]),
    ]
    return graph(nodes, {"w": np.array([[1.0], [0.0], [0.0]], dtype=np.float32)})
