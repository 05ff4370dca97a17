"""scikit-learn models in skops files: checked by our own policy before skops sees them."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from . import allowlist, trees
from .frames import to_codes
from .manifest import Manifest
from .problems import ArtifactRefused
from .scorer import FrameScorer, first_line, inputs_by_count, known_inputs

# A forest of 500 trees on HMDA has about 2,000 members and 35 MB of schema.json.
MAX_MEMBERS = 20_000
MAX_UNPACKED = 512 * 1024 * 1024
MAX_SCHEMA = 96 * 1024 * 1024
MAX_DEPTH = 120
PROTOCOL = 2


class SkopsScorer(FrameScorer):
    """A scikit-learn estimator, usually a Pipeline."""

    format = "skops"

    def __init__(
        self, manifest: Manifest, native: Any, feature_names: tuple[str, ...], columns: tuple[int, ...]
    ) -> None:
        super().__init__(manifest, native, feature_names)
        self.columns = columns
        named = getattr(native, "feature_names_in_", None)
        # The columns that the estimator was fitted with, which may be more than those it reads.
        self._fitted = None if named is None else tuple(str(name) for name in named)

    def _raw(self, frame: pd.DataFrame) -> np.ndarray:
        if self._fitted is None:
            data: Any = to_codes(frame, self.schema)
        elif tuple(frame.columns) == self._fitted:
            data = frame
        else:
            data = frame[list(self._fitted)]
        if self.is_classifier:
            return self._adverse(self.native.predict_proba(data))
        return np.asarray(self.native.predict(data)).reshape(len(frame), -1)[:, 0]


def load_skops(data: bytes, manifest: Manifest) -> SkopsScorer:
    """Load a skops file; raise ArtifactRefused unless every part of it is on the allow-list."""
    import skops.io
    from sklearn.exceptions import InconsistentVersionWarning

    schema = read_schema(data)
    _check_types(schema)
    _check_versions(schema)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", InconsistentVersionWarning)
            estimator = skops.io.loads(data, trusted=list(allowlist.EXTRA_TRUSTED))
    except InconsistentVersionWarning as skew:
        raise ArtifactRefused("artifact_version_skew", f"{first_line(skew)}.") from None
    except skops.io.exceptions.UntrustedTypesFoundException as refused:
        raise ArtifactRefused("artifact_type_not_allowed", first_line(refused)) from None
    except MemoryError:
        raise
    except Exception as error:
        raise ArtifactRefused(
            "artifact_unreadable", f"skops cannot read the artifact: {first_line(error)}"
        ) from error
    _make_safe(estimator)
    return _scorer(estimator, manifest)


def read_schema(data: bytes) -> dict[str, Any]:
    """The file's description of itself, unpacked within our limits; ArtifactRefused where it breaks them."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_members(archive.infolist())
            schema = json.loads(archive.read("schema.json"))
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, RecursionError):
            raise _bomb("its schema.json is nested too deeply") from None
        raise ArtifactRefused("artifact_truncated", f"The zip file is damaged: {first_line(error)}") from None
    except (ValueError, KeyError) as error:
        raise ArtifactRefused(
            "artifact_unreadable", f"The file's schema.json cannot be read: {first_line(error)}"
        ) from None
    if not isinstance(schema, dict) or schema.get("protocol") != PROTOCOL:
        # Old protocols load through other, less audited nodes of the library.
        raise ArtifactRefused("artifact_unreadable", f"The file is not written in skops protocol {PROTOCOL}.")
    return schema


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_MEMBERS:
        raise _bomb(f"it has {len(members)} members, at most {MAX_MEMBERS} are allowed")
    # zipfile never unpacks more than the declared size, so that the declared sizes are a bound.
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_UNPACKED:
        raise _bomb(f"it unpacks to {unpacked >> 20} MiB, at most {MAX_UNPACKED >> 20} MiB are allowed")
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        raise ArtifactRefused("artifact_unreadable", "The zip file holds two members of the same name.")
    if any(member.filename == "schema.json" and member.file_size > MAX_SCHEMA for member in members):
        raise _bomb(f"its schema.json is larger than {MAX_SCHEMA >> 20} MiB")


def _bomb(what: str) -> ArtifactRefused:
    return ArtifactRefused("artifact_zip_bomb", f"The artifact is refused unopened: {what}.")


def nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every node; refuse nesting on which a recursive reader would run out of stack."""
    stack: list[tuple[Any, int]] = [(schema, 1)]
    while stack:
        value, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise _bomb(f"its schema.json is nested deeper than {MAX_DEPTH} levels")
        if isinstance(value, dict):
            if "__loader__" in value:
                yield value
            stack.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list):
            stack.extend((item, depth + 1) for item in value)


def _check_types(schema: dict[str, Any]) -> None:
    refused = set()
    for node in nodes(schema):
        type_name = f"{node.get('__module__')}.{node.get('__class__')}"
        if not allowlist.is_allowed(str(node["__loader__"]), type_name):
            refused.add(type_name)
    if refused:
        raise ArtifactRefused(
            "artifact_type_not_allowed",
            f"The artifact contains types that are not on the allow-list: {', '.join(sorted(refused)[:10])}.",
        )


def sklearn_versions(schema: dict[str, Any]) -> set[str]:
    """The versions of scikit-learn that the estimators in the file say they were saved by."""
    found = set()
    for node in nodes(schema):
        content = node.get("content")
        state = content.get("content") if isinstance(content, dict) else None
        version = state.get("_sklearn_version") if isinstance(state, dict) else None
        if isinstance(version, dict):
            found.add(str(version.get("content", "")).strip('"'))
    return found


def _check_versions(schema: dict[str, Any]) -> None:
    import sklearn

    found = sklearn_versions(schema)
    if other := sorted(found - {sklearn.__version__}):
        raise ArtifactRefused(
            "artifact_version_skew",
            f"The model was saved with scikit-learn {', '.join(other)}, this installation has "
            f"{sklearn.__version__}: its answers could differ. Train or convert it with the same version.",
        )


def _make_safe(estimator: Any) -> None:
    """Check the raw trees inside, and leave no estimator that would start threads of its own."""
    for part, holder in _parts(estimator):
        trees.check_inside(part, holder)
        kind = type(part).__name__
        if kind == "Booster" and hasattr(part, "set_param"):
            part.set_param({"nthread": 1})
        if getattr(part, "n_jobs", None) is not None or kind.startswith(("XGB", "LGBM")):
            part.n_jobs = 1


def _parts(root: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every object below an estimator, each with the object that holds it."""
    seen: set[int] = set()
    stack: list[tuple[Any, Any]] = [(root, None)]
    while stack:
        part, holder = stack.pop()
        if id(part) in seen or isinstance(part, (str, bytes, int, float, np.generic, type(None))):
            continue
        seen.add(id(part))
        if isinstance(part, Mapping):
            stack.extend((item, holder) for item in part.values())
        elif isinstance(part, np.ndarray):
            stack.extend((item, holder) for item in part.ravel() if part.dtype == object)
        elif isinstance(part, (list, tuple, set)):
            stack.extend((item, holder) for item in part)
        else:
            yield part, holder
            stack.extend((item, part) for item in getattr(part, "__dict__", {}).values())


def _scorer(estimator: Any, manifest: Manifest) -> SkopsScorer:
    wanted = "predict_proba" if manifest.is_classifier else "predict"
    if not hasattr(estimator, wanted):
        raise ArtifactRefused(
            "artifact_mismatch", f"The artifact holds a {type(estimator).__name__}, which has no {wanted}."
        )
    columns = _adverse_columns(estimator, manifest) if manifest.is_classifier else ()
    named = getattr(estimator, "feature_names_in_", None)
    if named is None:
        names = inputs_by_count(int(getattr(estimator, "n_features_in_", -1)), manifest.inputs)
    else:
        fitted = known_inputs(tuple(str(name) for name in named), manifest.inputs)
        names = _names_read(estimator, fitted)
    return SkopsScorer(manifest, estimator, names, columns)


def _adverse_columns(estimator: Any, manifest: Manifest) -> tuple[int, ...]:
    """The columns that lead to the adverse label: by name, or 1 of 0 and 1, or classes 0, 1, 2 … as they are listed."""
    classes = [getattr(c, "item", lambda c=c: c)() for c in np.asarray(getattr(estimator, "classes_", []))]
    output = manifest.output
    outcomes = output.outcomes
    if {str(c) for c in classes} == set(outcomes) and len(classes) == len(outcomes):
        return output.adverse_among([str(c) for c in classes])
    if classes == list(range(len(outcomes))):
        return output.adverse_among(outcomes) if output.classes else (1,)
    numbers = "or 0, 1, 2 … in that order" if output.classes else "or 0 and 1 where 1 is the adverse one"
    raise ArtifactRefused(
        "artifact_mismatch",
        f"The model's classes are {', '.join(map(str, classes)) or 'unknown'}; "
        f"they must be the manifest's {'classes' if output.classes else 'labels'} ({', '.join(outcomes)}), {numbers}.",
    )


def _names_read(estimator: Any, fitted: tuple[str, ...]) -> tuple[str, ...]:
    """The fitted columns that a leading ColumnTransformer passes on; all of them otherwise."""
    steps = getattr(estimator, "steps", None)
    first = steps[0][1] if steps else estimator
    if type(first).__name__ != "ColumnTransformer":
        return fitted
    read: set[str] = set()
    for _, transformer, columns in first.transformers_:
        if isinstance(transformer, str) and transformer == "drop":
            continue
        if isinstance(columns, (str, int, np.integer)):
            columns = [columns]
        chosen = np.asarray(fitted, dtype=object)[columns if isinstance(columns, slice) else slice(None)]
        if isinstance(columns, slice):
            read.update(chosen)
            continue
        array = np.asarray(list(columns))
        read.update(
            array.tolist() if array.dtype.kind in "OUT" else np.asarray(fitted, dtype=object)[array].tolist()
        )
    return tuple(name for name in fitted if name in read) or fitted
