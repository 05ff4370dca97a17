"""Which versions of which libraries wrote an artifact, as the file itself says; and which can read it here."""

from __future__ import annotations

import json

from .formats import libraries
from .problems import ArtifactRefused
from .skops_models import read_schema, sklearn_versions
from .ubjson import whole_numbers

_HEADER = 64 * 1024


def written_by(data: bytes, format_name: str) -> dict[str, str]:
    """Library (or format) → version; empty where the file says nothing, or nothing that can be read.

    skops: scikit-learn and skops. XGBoost: its own version. LightGBM records only the version of its text format, ONNX
    the operator set, the IR version and who produced the file.
    """
    try:
        return _READERS[format_name](data)
    except (ArtifactRefused, ValueError, RecursionError, AttributeError, _protobuf_error()):
        # What is wrong with the file is for `load` to say.
        return {}


def read_by(format_name: str) -> dict[str, str]:
    """The versions of the libraries that read this format here; for ONNX also the newest that they know."""
    found = {name.removesuffix("-cpu"): version for name, version in libraries(format_name).items()}
    if format_name == "onnx":
        import onnx

        found |= {"opset": str(onnx.defs.onnx_opset_version()), "ir_version": str(onnx.IR_VERSION)}
    return found


def _protobuf_error() -> type[Exception]:
    from google.protobuf.message import DecodeError

    return DecodeError


def _skops(data: bytes) -> dict[str, str]:
    schema = read_schema(data)
    versions = sorted(sklearn_versions(schema))
    found = {"scikit-learn": ", ".join(versions)} if versions else {}
    if isinstance(own := schema.get("_skops_version"), str):
        found["skops"] = own[:32]
    return found


def _xgboost(data: bytes) -> dict[str, str]:
    if data[1:2] in (b"L", b"i", b"U", b"I", b"l", b"$", b"#"):
        version = whole_numbers(data, "version")
    else:
        version = json.loads(data).get("version")
    if not isinstance(version, list) or not all(isinstance(part, int) for part in version):
        return {}
    return {"xgboost": ".".join(map(str, version[:3]))}


def _lightgbm(data: bytes) -> dict[str, str]:
    header = data[:_HEADER].decode("utf-8", "replace").replace("\r\n", "\n").split("\nTree=")[0]
    found = [line.partition("=")[2] for line in header.splitlines() if line.startswith("version=")]
    return {"text format": found[0][:32]} if found else {}


def _onnx(data: bytes) -> dict[str, str]:
    import onnx

    model = onnx.load_model_from_string(data)
    opsets = {item.domain: item.version for item in model.opset_import}
    found = {"ir_version": str(model.ir_version)} if model.ir_version else {}
    if "" in opsets or "ai.onnx" in opsets:
        found["opset"] = str(opsets.get("", opsets.get("ai.onnx")))
    if model.producer_name:
        found["producer"] = f"{model.producer_name} {model.producer_version}".strip()[:64]
    return found


_READERS = {"skops": _skops, "xgboost": _xgboost, "lightgbm": _lightgbm, "onnx": _onnx}
