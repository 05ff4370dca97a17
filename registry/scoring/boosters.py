"""XGBoost and LightGBM models: matrices of codes in, probabilities or values out.

By convention the raw output of a classifier is the probability of the *adverse* label: train with 1 for
the adverse label and 0 for the other; classes are numbered in the manifest's order. These formats do not record label
names, so nothing can check it.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from . import trees
from .manifest import Manifest
from .problems import ArtifactRefused
from .schema import Feature
from .scorer import CodeScorer, first_line, inputs_by_count, known_inputs, raise_if_memory
from .ubjson import check_ubjson

_XGB_PROBABILITY = {"binary:logistic", "reg:logistic", "multi:softprob"}
_XGB_NO_VALUE = ("binary:", "multi:", "rank:")
_LGB_PROBABILITY = {"binary", "cross_entropy", "multiclass", "multiclassova"}
_LGB_NO_VALUE = _LGB_PROBABILITY | {"cross_entropy_lambda", "lambdarank", "rank_xendcg"}


class XgboostScorer(CodeScorer):
    """An xgboost.Booster."""

    format = "xgboost"

    def _predict(self, codes: np.ndarray) -> np.ndarray:
        return self._adverse(self.native.inplace_predict(codes, validate_features=False))


class LightgbmScorer(CodeScorer):
    """A lightgbm.Booster."""

    format = "lightgbm"

    def _predict(self, codes: np.ndarray) -> np.ndarray:
        # Without num_threads, OpenMP threads are started for a single row.
        return self._adverse(np.asarray(self.native.predict(codes, num_threads=1)))


def load_xgboost(data: bytes, manifest: Manifest) -> XgboostScorer:
    """Load XGBoost JSON or UBJ; raise ArtifactRefused if it is damaged or does not fit the manifest."""
    import xgboost

    _check_xgboost_syntax(data)
    booster = xgboost.Booster({"nthread": 1})
    try:
        booster.load_model(bytearray(data))
        booster.set_param({"nthread": 1})
        model = json.loads(bytes(booster.save_raw("json")))["learner"]
    except (xgboost.core.XGBoostError, ValueError, KeyError) as error:
        raise_if_memory(error)
        raise ArtifactRefused("artifact_unreadable", f"XGBoost cannot read it: {first_line(error)}") from None
    _check_xgboost_model(model, booster.num_features(), manifest)
    if booster.feature_names:
        names = known_inputs(tuple(booster.feature_names), manifest.inputs)
    else:
        names = inputs_by_count(booster.num_features(), manifest.inputs)
    _check_xgboost_categories(booster, manifest)
    return XgboostScorer(manifest, booster, names)


def _check_xgboost_syntax(data: bytes) -> None:
    if data[1:2] in (b"L", b"i", b"U", b"I", b"l", b"$", b"#"):
        check_ubjson(data)
        return
    try:
        json.loads(data)
    except RecursionError:
        raise ArtifactRefused("artifact_unreadable", "The JSON is nested too deeply.") from None
    except ValueError as error:
        cut = not data.rstrip().endswith(b"}")
        code = "artifact_truncated" if cut else "artifact_unreadable"
        raise ArtifactRefused(code, f"The file is not whole JSON: {first_line(error)}") from None


def _check_xgboost_model(model: dict[str, Any], features: int, manifest: Manifest) -> None:
    objective = model["objective"]["name"]
    groups = int(model["learner_model_param"].get("num_class", 0))
    wanted = (len(manifest.output.classes),) if manifest.output.classes else (0, 1, 2)
    if manifest.is_classifier and (objective not in _XGB_PROBABILITY or groups not in wanted):
        raise _wrong_objective(objective, _probability(manifest, "multi:softprob", "binary:logistic"))
    if not manifest.is_classifier and objective.startswith(_XGB_NO_VALUE):
        raise _wrong_objective(objective, "a value, for example reg:squarederror")
    booster = model["gradient_booster"]
    grown = booster.get("gbtree", booster)["model"]
    if "trees" in grown:
        trees.check_xgboost_trees(grown["trees"], features)
        if any(not 0 <= group < max(1, groups) for group in grown["tree_info"]):
            raise ArtifactRefused("artifact_unreadable", "A tree belongs to a class that does not exist.")


def _check_xgboost_categories(booster: Any, manifest: Manifest) -> None:
    # XGBoost ≥ 3.1 keeps the categories of the data frame it was trained on.
    kept = booster.get_categories(export_to_arrow=True).to_arrow()
    for name, values in kept or []:
        if values is not None and name in manifest.inputs.by_name:
            _check_order(manifest.inputs.by_name[name], values.to_pylist())


def load_lightgbm(data: bytes, manifest: Manifest) -> LightgbmScorer:
    """Load a LightGBM text model; raise ArtifactRefused if it is damaged or does not fit the manifest."""
    import lightgbm

    try:
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise ArtifactRefused("artifact_unreadable", "The LightGBM model is not text in UTF-8.") from None
    if "\nend of trees" not in text:
        raise ArtifactRefused(
            "artifact_truncated", "The LightGBM model has no end of trees: it was cut short."
        )
    header = dict(line.split("=", 1) for line in text.split("\nTree=")[0].splitlines() if "=" in line)
    _check_lightgbm(text, header, manifest)
    try:
        booster = lightgbm.Booster(model_str=text)
    except (lightgbm.basic.LightGBMError, ValueError) as error:
        raise_if_memory(error)
        raise ArtifactRefused(
            "artifact_unreadable", f"LightGBM cannot read it: {first_line(error)}"
        ) from None
    names = tuple(header.get("feature_names", "").split())
    # LightGBM calls columns without names Column_0, Column_1 …
    if names == tuple(f"Column_{position}" for position in range(len(names))):
        names = inputs_by_count(len(names), manifest.inputs)
    names = known_inputs(names, manifest.inputs)
    _check_lightgbm_categories(booster, header, names, manifest)
    return LightgbmScorer(manifest, booster, names)


def _check_lightgbm(text: str, header: dict[str, str], manifest: Manifest) -> None:
    try:
        features = int(header["max_feature_idx"]) + 1
        groups = int(header["num_class"])
        if features != len(header["feature_names"].split()):
            raise ValueError("it names another number of inputs than it reads")
        trees.check_lightgbm_trees(text.split("\nend of trees")[0], features)
    except (KeyError, ValueError, IndexError) as error:
        raise ArtifactRefused(
            "artifact_unreadable", f"The LightGBM model is damaged: {first_line(error)}"
        ) from None
    objective = (header.get("objective") or "none").split()[0]
    fits = groups == len(manifest.output.classes) if manifest.output.classes else groups <= 2
    if manifest.is_classifier and (objective not in _LGB_PROBABILITY or not fits):
        raise _wrong_objective(objective, _probability(manifest, "multiclass", "binary"))
    if not manifest.is_classifier and (objective in _LGB_NO_VALUE or groups > 1):
        raise _wrong_objective(objective, "a value, for example regression")


def _check_lightgbm_categories(
    booster: Any, header: dict[str, str], names: tuple[str, ...], manifest: Manifest
) -> None:
    kept = booster.pandas_categorical or []
    if not kept:
        return
    # A categorical column's info is its codes (0:1:2), a numeric one's a range ([0:3]), an unused one's none.
    infos = header.get("feature_infos", "").split()
    columns = [
        name for name, info in zip(names, infos, strict=False) if not info.startswith("[") and info != "none"
    ]
    if len(columns) != len(kept):
        columns = [name for name in names if manifest.inputs.by_name[name].kind == "category"]
    if len(columns) != len(kept):
        raise ArtifactRefused(
            "artifact_mismatch",
            f"The model was trained with {len(kept)} categorical columns; which they are cannot be told.",
        )
    for name, values in zip(columns, kept, strict=True):
        _check_order(manifest.inputs.by_name[name], list(values))


def _check_order(feature: Feature, trained: list[Any]) -> None:
    """Codes mean nothing but a position, so the two lists must agree or every answer is silently wrong."""
    if feature.kind == "category" and [str(value) for value in trained] != list(feature.categories):
        raise ArtifactRefused(
            "artifact_mismatch",
            f"The model learnt the categories of {feature.name} as {', '.join(map(str, trained[:20]))}; "
            f"the manifest lists {', '.join(feature.categories[:20])}. Order and words must be the same.",
        )


def _probability(manifest: Manifest, of_many: str, of_two: str) -> str:
    count = len(manifest.output.classes)
    if count:
        return f"probabilities of {count} classes, for example {of_many}"
    return f"a probability of two labels, for example {of_two}"


def _wrong_objective(objective: str, wanted: str) -> ArtifactRefused:
    return ArtifactRefused(
        "artifact_mismatch", f"The model's objective is {objective}; the manifest's task needs {wanted}."
    )
