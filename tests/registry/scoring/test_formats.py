"""Real models of every format answer as their own library does; each bad file gets its own refusal."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

from portal.demo.hmda import HMDA_READ
from registry.scoring.formats import ScoreInvalid, load
from registry.scoring.frames import to_codes
from registry.scoring.manifest import Manifest
from registry.scoring.schema import InputSchema

from .conftest import pipeline, refusal, to_onnx

Artifacts = dict[str, tuple[str, bytes]]
Parse = Callable[..., Manifest]


@pytest.mark.parametrize("name", ["logistic", "forest", "xgboost", "lightgbm", "onnx"])
class TestEveryFormat:
    def test_scores_are_the_librarys_own(
        self, name: str, artifacts: Artifacts, parsed: Parse, applicants: pd.DataFrame, request: Any
    ) -> None:
        kind, data = artifacts[name]
        scores = load(data, parsed(kind)).score(applicants)
        assert scores.dtype == np.float64 and scores.shape == (len(applicants),)
        np.testing.assert_allclose(scores, own_scores(name, request), atol=1e-5 if name == "onnx" else 1e-12)

    def test_codes_one_row_and_any_column_order_give_the_same(
        self, name: str, artifacts: Artifacts, parsed: Parse, applicants: pd.DataFrame, schema: InputSchema
    ) -> None:
        kind, data = artifacts[name]
        scorer = load(data, parsed(kind))
        some = applicants.head(40)
        scores = scorer.score(some)
        np.testing.assert_allclose(scorer.score_codes(to_codes(some, schema)), scores, atol=1e-7)
        np.testing.assert_allclose(scorer.score(some.iloc[[7]]), scores[[7]], atol=1e-7)
        np.testing.assert_allclose(scorer.score(some[list(reversed(some.columns))]), scores, atol=1e-12)

    def test_protected_input_is_not_read(
        self, name: str, artifacts: Artifacts, parsed: Parse, applicants: pd.DataFrame
    ) -> None:
        kind, data = artifacts[name]
        scorer = load(data, parsed(kind))
        assert scorer.format == kind and scorer.feature_names == HMDA_READ
        flipped = applicants.head(50).assign(afam="yes")
        assert np.array_equal(scorer.score(flipped), scorer.score(applicants.head(50)))

    def test_truncated(self, name: str, artifacts: Artifacts, parsed: Parse) -> None:
        kind, data = artifacts[name]
        refused = refusal(data[: len(data) // 2], parsed(kind))
        assert refused.code == ("artifact_unreadable" if kind == "onnx" else "artifact_truncated")
        assert "cut short" in refused.message

    def test_every_other_format_is_a_mismatch(self, name: str, artifacts: Artifacts, parsed: Parse) -> None:
        kind, data = artifacts[name]
        for other in {"skops", "xgboost", "lightgbm", "onnx"} - {kind}:
            refused = refusal(data, parsed(other))
            assert refused.code == "artifact_mismatch"
            assert kind in refused.message and other in refused.message

    def test_a_schema_that_lacks_an_input_is_a_mismatch(
        self, name: str, artifacts: Artifacts, parsed: Parse, manifest_for: Any
    ) -> None:
        kind, data = artifacts[name]
        inputs = manifest_for(kind)["inputs"]
        inputs["properties"]["payments"] = inputs["properties"].pop("pirat")
        inputs["required"][0] = "payments"
        refused = refusal(data, parsed(kind, inputs=inputs))
        assert refused.code == "artifact_mismatch" and "pirat" in refused.message


def own_scores(name: str, request: Any) -> np.ndarray:
    frame, codes = request.getfixturevalue("applicants"), request.getfixturevalue("read_codes")
    if name in ("logistic", "forest", "onnx"):
        model = request.getfixturevalue("logistic" if name == "onnx" else name)
        # `deny` comes before `grant`: the adverse label is the first column here.
        return np.asarray(model.predict_proba(frame[list(HMDA_READ)])[:, 0])
    if name == "xgboost":
        import xgboost

        return request.getfixturevalue("booster").predict(
            xgboost.DMatrix(codes, feature_names=list(HMDA_READ))
        )
    return np.asarray(request.getfixturevalue("lightgbm_model").predict(codes))


class TestPickles:
    @pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
    def test_pickle(self, protocol: int, logistic: Any, parsed: Parse) -> None:
        assert refusal(pickle.dumps(logistic, protocol), parsed("skops")).code == "artifact_is_pickle"

    @pytest.mark.parametrize("compress", [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3)])
    def test_joblib(self, compress: Any, logistic: Any, parsed: Parse, tmp_path: Any) -> None:
        joblib.dump(logistic, tmp_path / "model.joblib", compress=compress)
        refused = refusal((tmp_path / "model.joblib").read_bytes(), parsed("skops"))
        assert refused.code == "artifact_is_pickle" and "skops.io.dump" in refused.message

    def test_torch_zip(self, parsed: Parse) -> None:
        data = zipped({"archive/data.pkl": pickle.dumps([1]), "archive/version": b"3"})
        assert refusal(data, parsed("onnx")).code == "artifact_is_pickle"

    def test_a_pickle_never_runs(self, parsed: Parse, tmp_path: Any) -> None:
        class Bad:
            def __reduce__(self) -> Any:
                return (open, (str(tmp_path / "ran"), "w"))

        for data in (pickle.dumps(Bad(), 0), pickle.dumps(Bad()), gzip.compress(pickle.dumps(Bad()))):
            assert refusal(data, parsed("skops")).code == "artifact_is_pickle"
        assert not (tmp_path / "ran").exists()


class TestSkops:
    def test_zip_bomb_is_refused_unopened(self, parsed: Parse) -> None:
        data = zipped({"schema.json": b"{}", "bomb.npy": bytes(600 * 1024 * 1024)})
        assert len(data) < 1_000_000
        assert refusal(data, parsed("skops")).code == "artifact_zip_bomb"

    def test_too_many_members_or_levels(self, parsed: Parse) -> None:
        many = zipped({f"{i}": b"" for i in range(20_001)} | {"schema.json": b"{}"})
        deep = zipped({"schema.json": b'{"protocol": 2, "content": ' + b"[" * 200 + b"]" * 200 + b"}"})
        deeper = zipped({"schema.json": b"[" * 100_000 + b"]" * 100_000})
        for data in (many, deep, deeper):
            assert refusal(data, parsed("skops")).code == "artifact_zip_bomb"

    def test_a_function_of_the_sender(
        self, parsed: Parse, applicants: pd.DataFrame, labels: np.ndarray
    ) -> None:
        import skops.io
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer

        numbers = applicants[["pirat", "hirat"]]
        model = make_pipeline(FunctionTransformer(lambda x: x), LogisticRegression()).fit(numbers, labels)
        refused = refusal(skops.io.dumps(model), parsed("skops"))
        assert refused.code == "artifact_type_not_allowed" and "<lambda>" in refused.message

    @pytest.mark.parametrize(
        "node",
        [
            {"__module__": "os", "__class__": "system", "__loader__": "FunctionNode"},
            {"__module__": "builtins", "__class__": "eval", "__loader__": "TypeNode"},
            {"__module__": "xgboost.core", "__class__": "Booster", "__loader__": "ConstructorFromReduceNode"},
            {"__module__": "operator", "__class__": "methodcaller", "__loader__": "OperatorFuncNode"},
            {"__module__": "sklearn.svm._classes", "__class__": "SVC", "__loader__": "ObjectNode"},
            {"__module__": ["x"], "__class__": "SVC", "__loader__": ["ObjectNode"]},
        ],
    )
    def test_nodes_off_the_list(self, node: dict[str, Any], parsed: Parse) -> None:
        data = zipped({"schema.json": json.dumps({**node, "protocol": 2}).encode()})
        assert refusal(data, parsed("skops")).code == "artifact_type_not_allowed"

    def test_old_protocol_and_junk(self, parsed: Parse, logistic_skops: bytes) -> None:
        old = edited(logistic_skops, lambda text: text.replace('"protocol": 2', '"protocol": 1'))
        for data in (old, zipped({"schema.json": b"{"}), zipped({"schema.json": b'{"protocol": 2}'})):
            assert refusal(data, parsed("skops")).code == "artifact_unreadable"
        assert refusal(zipped({"readme.txt": b""}), parsed("skops")).code == "artifact_mismatch"

    def test_other_version_of_scikit_learn(self, parsed: Parse, logistic_skops: bytes) -> None:
        import sklearn

        skewed = edited(logistic_skops, lambda text: text.replace(sklearn.__version__, "1.2.3"))
        refused = refusal(skewed, parsed("skops"))
        assert refused.code == "artifact_version_skew" and "1.2.3" in refused.message

    def test_classes_that_are_not_the_labels(
        self, parsed: Parse, applicants: pd.DataFrame, denied: np.ndarray, labels: np.ndarray
    ) -> None:
        import skops.io
        from sklearn.linear_model import LogisticRegression

        frame = applicants[list(HMDA_READ)]
        words = pipeline(LogisticRegression(max_iter=500)).fit(frame, np.where(denied == 1, "yes", "no"))
        refused = refusal(skops.io.dumps(words), parsed("skops"))
        assert refused.code == "artifact_mismatch" and "no, yes" in refused.message
        zero_one = pipeline(LogisticRegression(max_iter=500)).fit(frame, denied)
        named = pipeline(LogisticRegression(max_iter=500)).fit(frame, labels)
        scores = [load(skops.io.dumps(m), parsed("skops")).score(applicants) for m in (zero_one, named)]
        np.testing.assert_allclose(scores[0], scores[1], atol=1e-6)

    def test_model_without_probabilities(
        self, parsed: Parse, applicants: pd.DataFrame, labels: np.ndarray
    ) -> None:
        import skops.io
        from sklearn.linear_model import RidgeClassifier

        model = pipeline(RidgeClassifier()).fit(applicants[list(HMDA_READ)], labels)
        assert refusal(skops.io.dumps(model), parsed("skops")).code == "artifact_mismatch"

    def test_no_nested_estimator_keeps_threads(self, parsed: Parse, forest_skops: bytes) -> None:
        pipe = load(forest_skops, parsed("skops")).native
        assert pipe[-1].n_jobs == 1 and all(
            tree.get_params().get("n_jobs", 1) == 1 for tree in pipe[-1].estimators_
        )

    def test_regression_and_unnamed_columns(
        self, parsed: Parse, applicants: pd.DataFrame, schema: InputSchema
    ) -> None:
        import skops.io
        from sklearn.ensemble import HistGradientBoostingRegressor

        codes = to_codes(applicants, schema)
        model = HistGradientBoostingRegressor(max_iter=5).fit(codes, applicants["pirat"] * 100)
        manifest = parsed("skops", model={"format": "skops", "task": "regression"}, output={"name": "income"})
        scorer = load(skops.io.dumps(model), manifest)
        assert scorer.feature_names == schema.names
        np.testing.assert_allclose(scorer.score(applicants), model.predict(codes))


class TestBoosters:
    def test_json_is_as_good_as_ubj(
        self, booster: Any, parsed: Parse, xgboost_ubj: bytes, applicants: pd.DataFrame
    ) -> None:
        scores = [
            load(d, parsed("xgboost")).score(applicants)
            for d in (bytes(booster.save_raw("json")), xgboost_ubj)
        ]
        assert np.array_equal(scores[0], scores[1])

    def test_every_cut_of_a_ubj_file_is_noticed(self, xgboost_ubj: bytes, parsed: Parse) -> None:
        manifest = parsed("xgboost")
        for at in range(1, len(xgboost_ubj), len(xgboost_ubj) // 60):
            assert refusal(xgboost_ubj[:at], manifest).code in ("artifact_truncated", "artifact_unreadable")
        assert refusal(xgboost_ubj + b"x", manifest).code == "artifact_unreadable"

    def test_junk(self, parsed: Parse) -> None:
        for data in (b'{"a": 1}', b"{L\x00", b"{Lxxxxxxxxxxxx}"):
            assert refusal(data, parsed("xgboost")).code.startswith("artifact_")
        assert refusal(b"tree\nend of trees\n", parsed("lightgbm")).code == "artifact_unreadable"
        assert refusal(b"", parsed("lightgbm")).code == "artifact_truncated"
        assert refusal(b"hello", parsed("lightgbm")).code == "artifact_unreadable"

    def test_objective_without_probability(
        self, read_codes: np.ndarray, denied: np.ndarray, parsed: Parse
    ) -> None:
        import lightgbm
        import xgboost

        names = list(HMDA_READ)
        matrix = xgboost.DMatrix(read_codes, label=denied, feature_names=names)
        raw = xgboost.train({"objective": "binary:logitraw"}, matrix, 2).save_raw("ubj")
        refused = refusal(bytes(raw), parsed("xgboost"))
        assert refused.code == "artifact_mismatch" and "binary:logitraw" in refused.message
        data = lightgbm.Dataset(read_codes, label=denied, feature_name=names)
        text = lightgbm.train({"objective": "regression", "verbose": -1}, data, 2).model_to_string()
        assert refusal(text.encode(), parsed("lightgbm")).code == "artifact_mismatch"
        value = parsed("lightgbm", model={"format": "lightgbm", "task": "regression"}, output={})
        assert load(text.encode(), value).feature_names == HMDA_READ

    def test_categories_learnt_in_another_order(
        self, applicants: pd.DataFrame, denied: np.ndarray, parsed: Parse
    ) -> None:
        import lightgbm
        import xgboost

        for order, fits in ((["no", "yes"], True), (["yes", "no"], False)):
            frame = applicants[list(HMDA_READ)].astype(
                {name: pd.CategoricalDtype(order) for name in HMDA_READ if applicants[name].dtype == object}
            )
            light = lightgbm.train(
                {"objective": "binary", "verbose": -1, "num_threads": 1},
                lightgbm.Dataset(frame, label=denied),
                5,
            )
            matrix = xgboost.DMatrix(frame, label=denied, enable_categorical=True)
            boost = xgboost.train({"objective": "binary:logistic", "nthread": 1}, matrix, 5)
            for kind, data, own in (
                ("lightgbm", light.model_to_string().encode(), light.predict(frame)),
                ("xgboost", bytes(boost.save_raw("ubj")), boost.predict(matrix)),
            ):
                if fits:
                    np.testing.assert_allclose(load(data, parsed(kind)).score(applicants), own, atol=1e-7)
                else:
                    refused = refusal(data, parsed(kind))
                    assert refused.code == "artifact_mismatch" and "phist" in refused.message


class TestOnnx:
    def test_zipmap(self, logistic: Any, parsed: Parse) -> None:
        refused = refusal(to_onnx(logistic, zipmap=True), parsed("onnx"))
        assert refused.code == "artifact_mismatch" and "'zipmap': False" in refused.message

    def test_one_matrix_with_and_without_names(
        self, read_codes: np.ndarray, denied: np.ndarray, applicants: pd.DataFrame, parsed: Parse
    ) -> None:
        from skl2onnx import to_onnx as convert
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(max_iter=2000).fit(read_codes, denied)
        onnx_model = convert(model, read_codes[:1].astype(np.float32), options={"zipmap": False})
        assert refusal(onnx_model.SerializeToString(), parsed("onnx")).code == "artifact_mismatch"
        entry = onnx_model.metadata_props.add()
        entry.key, entry.value = "feature_names", json.dumps(list(HMDA_READ))
        scorer = load(onnx_model.SerializeToString(), parsed("onnx"))
        assert scorer.feature_names == HMDA_READ
        np.testing.assert_allclose(scorer.score(applicants), model.predict_proba(read_codes)[:, 1], atol=1e-5)

    def test_data_outside_the_file_and_foreign_operators(self, logistic_onnx: bytes, parsed: Parse) -> None:
        import onnx

        outside = onnx.load_model_from_string(logistic_onnx)
        tensor = outside.graph.initializer[0]
        tensor.data_location = onnx.TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "../../etc/passwd"
        foreign = onnx.load_model_from_string(logistic_onnx)
        foreign.graph.node[0].domain = "com.example"
        random = onnx.load_model_from_string(logistic_onnx)
        random.graph.node.add().op_type = "RandomNormal"
        for model in (outside, foreign, random):
            assert refusal(model.SerializeToString(), parsed("onnx")).code == "artifact_type_not_allowed"


class TestScores:
    def test_nan_is_no_score(self, parsed: Parse, logistic: Any, applicants: pd.DataFrame) -> None:
        import skops.io

        broken = skops.io.loads(skops.io.dumps(logistic), trusted=["numpy.dtype"])
        broken[-1].coef_[:] = np.nan
        with pytest.raises(ScoreInvalid, match="NaN"):
            load(skops.io.dumps(broken), parsed("skops")).score(applicants)

    def test_missing_input_of_a_model_that_needs_it(
        self, parsed: Parse, logistic_skops: bytes, applicants: pd.DataFrame
    ) -> None:
        with pytest.raises(ScoreInvalid, match="the model failed"):
            load(logistic_skops, parsed("skops")).score(applicants.head(3).assign(pirat=np.nan))

    def test_no_rows_no_scores(self, parsed: Parse, logistic_skops: bytes, applicants: pd.DataFrame) -> None:
        assert load(logistic_skops, parsed("skops")).score(applicants.head(0)).shape == (0,)


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def edited(data: bytes, edit: Callable[[str], str]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["schema.json"] = edit(members["schema.json"].decode()).encode()
    return zipped(members)
