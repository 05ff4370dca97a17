"""What a file of bytes really is, whatever its sender calls it."""

from __future__ import annotations

import io
import pickletools
import zipfile
from typing import Literal

from .problems import ArtifactRefused

Content = Literal["skops", "zip", "xgboost", "lightgbm", "onnx", "unknown"]

_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x04\x22\x4d\x18": "lz4"}
_ZLIB = {b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"}
_SAFE_FORMATS = "skops, xgboost (JSON or UBJ), lightgbm (text) or onnx"
_PICKLE_ADVICE = (
    "Loading it would run code from the file. Save the model as " + _SAFE_FORMATS + "; "
    "for scikit-learn, skops.io.dump(model, path) does that."
)


def sniff(data: bytes) -> Content:
    """Return what the bytes are; raise ArtifactRefused for pickles in any wrapping and for empty files."""
    if not data:
        raise ArtifactRefused("artifact_truncated", "The artifact is empty.")
    if data[:2] == b"PK":
        return _sniff_zip(data)
    _refuse_pickle(data)
    if data[:1] == b"{":
        return "xgboost"
    if data[:5] == b"tree\n" or data[:6] == b"tree\r\n":
        return "lightgbm"
    if data[:8] == b"\x89HDF\r\n\x1a\n":
        raise ArtifactRefused("artifact_mismatch", f"This is an HDF5 (Keras) file. Use {_SAFE_FORMATS}.")
    # An ONNX model is a protobuf message whose first field is ir_version, a small whole number.
    if data[:1] == b"\x08" and len(data) > 2 and data[1] < 64:
        return "onnx"
    return "unknown"


def _sniff_zip(data: bytes) -> Content:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, OSError):
        raise ArtifactRefused(
            "artifact_truncated",
            "The artifact begins like a zip file but has no readable end: it was cut short.",
        ) from None
    if any(name.lower().endswith((".pkl", ".pickle", ".joblib")) for name in names):
        raise ArtifactRefused("artifact_is_pickle", f"The zip file holds a pickle (torch?). {_PICKLE_ADVICE}")
    return "skops" if "schema.json" in names else "zip"


def _refuse_pickle(data: bytes) -> None:
    if data[:1] == b"\x80" and len(data) > 1 and 2 <= data[1] <= 5:
        raise ArtifactRefused("artifact_is_pickle", f"This is a pickle or joblib file. {_PICKLE_ADVICE}")
    for magic, name in _COMPRESSED.items():
        if data.startswith(magic):
            raise ArtifactRefused(
                "artifact_is_pickle",
                f"This is a {name}-compressed file, as joblib writes pickles. {_PICKLE_ADVICE}",
            )
    if data[:2] in _ZLIB:
        raise ArtifactRefused(
            "artifact_is_pickle",
            f"This is a zlib-compressed file, as joblib writes pickles. {_PICKLE_ADVICE}",
        )
    if _is_old_pickle(data):
        raise ArtifactRefused("artifact_is_pickle", f"This is a pickle of an old protocol. {_PICKLE_ADVICE}")


def _is_old_pickle(data: bytes) -> bool:
    """Protocols 0 and 1 have no magic number: read the opcodes, which runs nothing."""
    if data.rstrip()[-1:] != b"." or data[:5] == b"tree\n":
        return False
    try:
        for count, (opcode, _, _) in enumerate(pickletools.genops(data)):
            if opcode.name == "STOP":
                return count > 0
            if count > 10_000:
                return True
    except (ValueError, KeyError, IndexError, UnicodeDecodeError, OverflowError):
        return False
    return False
