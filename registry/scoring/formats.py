"""From the bytes of an artifact to a scorer, whatever the format, or a refusal that says why."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from .boosters import load_lightgbm, load_xgboost
from .manifest import Manifest
from .onnx_models import load_onnx
from .problems import ArtifactRefused, ScoreInvalid
from .remote import Ask, load_remote
from .scorer import Scorer
from .skops_models import load_skops
from .sniffing import sniff

__all__ = ["ArtifactRefused", "ScoreInvalid", "Scorer", "libraries", "load"]

_LOADERS = {"skops": load_skops, "xgboost": load_xgboost, "lightgbm": load_lightgbm, "onnx": load_onnx}
_LIBRARIES = {
    "skops": ("scikit-learn", "skops"),
    "xgboost": ("xgboost-cpu", "xgboost"),
    "lightgbm": ("lightgbm",),
    "onnx": ("onnxruntime", "onnx"),
}


def load(data: bytes, manifest: Manifest, ask: Ask | None = None) -> Scorer:
    """Return the scorer; raise ArtifactRefused with a code and words for the person who sent the file.

    Only for artifacts whose version is approved: whatever else arrives goes through `sandbox.examine`. A model that is
    served elsewhere is reached by `ask`, and refused without one.
    """
    wanted = manifest.model.format
    if manifest.model.is_remote:
        return load_remote(data, manifest, ask)
    content = sniff(data)
    if content in _LOADERS and content != wanted:
        raise ArtifactRefused("artifact_mismatch", f"The manifest says {wanted}, but the file is {content}.")
    if content == "zip":
        raise ArtifactRefused(
            "artifact_mismatch", f"The manifest says {wanted}, but the file is another zip file."
        )
    if content == "unknown":
        raise ArtifactRefused(
            "artifact_unreadable", f"The file is not a {wanted} model, nor any other format that is accepted."
        )
    return _LOADERS[wanted](data, manifest)


def libraries(format_name: str) -> dict[str, str]:
    """Return the versions of the libraries that a model of this format is read and computed with."""
    found = {}
    for name in ("numpy", "pandas", *_LIBRARIES.get(format_name, ())):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            # Of two wheels of one library only one is installed.
            continue
    return found
