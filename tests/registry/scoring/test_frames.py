"""Rows, frames and codes lead back to each other; samples are read exactly or refused."""

from __future__ import annotations

import io
import random
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

from registry.scoring.frames import from_codes, read_sample, rows_to_codes, to_codes, to_frame
from registry.scoring.problems import SampleInvalid
from registry.scoring.schema import InputSchema

SCHEMA = InputSchema.parse(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["size", "kind"],
        "properties": {
            "size": {"type": "number", "minimum": 0, "maximum": 10},
            "count": {"type": "integer"},
            "kind": {"enum": ["NA", "b", "None"]},
            "flag": {"type": "boolean"},
            "note": {"enum": ["x", None]},
        },
    }
)


def random_rows(count: int) -> list[dict[str, Any]]:
    draw = random.Random(3)
    rows = []
    for _ in range(count):
        row: dict[str, Any] = {"size": draw.uniform(0, 10), "kind": draw.choice(["NA", "b", "None"])}
        optional = {
            "count": draw.randint(-5, 5),
            "flag": draw.random() < 0.5,
            "note": draw.choice(["x", None]),
        }
        row.update({name: value for name, value in optional.items() if draw.random() < 0.7})
        rows.append(row)
    return rows


def test_a_frame_has_the_types_that_models_take() -> None:
    frame = to_frame(
        [{"size": 1, "kind": "b", "flag": True}, {"kind": "NA", "size": 2.5, "note": "x"}], SCHEMA
    )
    assert tuple(frame.columns) == SCHEMA.names
    assert [str(kind) for kind in frame.dtypes] == ["float64", "float64", "object", "float64", "object"]
    assert frame["flag"].tolist()[0] == 1.0 and np.isnan(frame["flag"].iloc[1])
    assert frame["kind"].tolist() == ["b", "NA"] and frame["note"].isna().tolist() == [True, False]


def test_rows_frames_and_codes_lead_back() -> None:
    frame = to_frame(random_rows(300), SCHEMA)
    codes = to_codes(frame, SCHEMA)
    assert codes.dtype == np.float64 and codes.shape == (300, 5)
    pd.testing.assert_frame_equal(from_codes(codes, SCHEMA), frame)
    np.testing.assert_array_equal(to_codes(from_codes(codes, SCHEMA), SCHEMA), codes)
    np.testing.assert_array_equal(rows_to_codes(random_rows(300), SCHEMA), codes)


def test_no_rows() -> None:
    assert to_codes(to_frame([], SCHEMA), SCHEMA).shape == (0, 5)


def test_codes_that_mean_nothing() -> None:
    codes = to_codes(to_frame(random_rows(2), SCHEMA), SCHEMA)
    for bad in (3.0, -1.0, 0.5, np.inf):
        codes[1, 2] = bad
        with pytest.raises(ValueError, match="kind"):
            from_codes(codes, SCHEMA)
    with pytest.raises(ValueError, match="columns"):
        from_codes(codes[:, :2], SCHEMA)
    with pytest.raises(ValueError, match="kind"):
        to_codes(to_frame([{"size": 1, "kind": "zzz"}], SCHEMA), SCHEMA)


def test_missing_values_are_what_encoders_and_imputers_learnt() -> None:
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder

    trained = pd.read_csv(io.StringIO("note,size\nx,1\n,2\nx,3\n"))[["note"]]
    frame = to_frame([{"size": 1, "kind": "b"}, {"size": 1, "kind": "b", "note": "x"}], SCHEMA)[["note"]]
    encoder = OneHotEncoder(sparse_output=False).fit(trained)
    assert encoder.transform(frame).tolist() == [[0, 1], [1, 0]]
    imputer = SimpleImputer(strategy="most_frequent").fit(trained)
    assert imputer.transform(frame).tolist() == [["x"], ["x"]]


def test_one_row_takes_well_under_a_millisecond(schema: InputSchema) -> None:
    row = {f.name: f.categories[0] if f.categories else 1 for f in schema.features}
    to_codes(to_frame([row], schema), schema)
    started = time.process_time()
    for _ in range(300):
        to_codes(to_frame([row], schema), schema)
    assert (time.process_time() - started) / 300 < 0.001


class TestSamples:
    def test_csv_and_parquet_say_the_same_as_rows(self) -> None:
        frame = to_frame(random_rows(50), SCHEMA)
        text = frame.assign(flag=frame["flag"].map({1.0: "true", 0.0: "false"})).to_csv(index=False).encode()
        parquet = io.BytesIO()
        typed = frame.assign(flag=frame["flag"].map({1.0: True, 0.0: False}).astype("boolean"))
        typed.astype({"kind": "category"}).to_parquet(parquet)
        for data in (text, b"\xef\xbb\xbf" + text, parquet.getvalue()):
            pd.testing.assert_frame_equal(read_sample(data, SCHEMA), frame, check_column_type=False)

    def test_columns_come_in_the_schemas_order_and_optional_values_may_be_missing(self) -> None:
        frame = read_sample(b"kind,note,flag,count,size\nNA,,,,1\n", SCHEMA)
        assert tuple(frame.columns) == SCHEMA.names and frame["kind"].tolist() == ["NA"]

    def test_label(self) -> None:
        head, row = "size,count,kind,flag,note,", "1,1,b,1,x,"
        words = read_sample(f"{head}deny\n{row}yes\n{row}no\n".encode(), SCHEMA, "deny")
        assert words["deny"].tolist() == ["yes", "no"] and words.columns[-1] == "deny"
        assert read_sample(f"{head}deny\n{row}1\n{row}0\n".encode(), SCHEMA, "deny")["deny"].tolist() == [
            1.0,
            0.0,
        ]
        assert said(f"{head}deny\n{row}\n{row}0\n".encode(), label="deny") == {
            "sample.deny": "is required in row 1"
        }

    def test_every_problem_is_named(self) -> None:
        rows = "size,count,kind,flag,note\n11,1.5,q,maybe,x\n12,1,b,1,y\nabc,1,b,0,x\n,1,,0,x\n"
        assert said(rows.encode()) == {
            "sample.size": "must be a number, was abc in row 3",
            "sample.count": "must be a whole number, was 1.5 in row 1",
            "sample.kind": "must be one of: NA, b, None in row 1",
            "sample.flag": "must be true or false, was maybe in row 1",
            "sample.note": "must be one of: x in row 2",
        }
        outside = said(b"size,count,kind,flag,note\n11,1,b,1,x\n12,1,b,1,x\n")
        assert outside == {"sample.size": "must be at least 0 and at most 10, was 11 in row 1 (and 1 more)"}

    def test_columns(self) -> None:
        found = said(b"size,kind,flag,note,extra\n")
        assert found == {"sample.count": "is a missing column", "sample.extra": "is not a known input"}
        assert "sample" in said(b"size,size,count,kind,flag,note\n1,1,1,b,1,x\n")

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"size,count,kind,flag,note\n",
            b"size,count,kind,flag,note\n1,1,b,1,x,extra\n",
            b"size,count,kind,flag,note\n" + b"1,1,b,1,x\n" * 11,
            b"\xff\xfe\x00junk",
            b"PAR1junk",
            b"\x00" * 100,
        ],
    )
    def test_unreadable_or_too_long(self, data: bytes) -> None:
        assert said(data, max_rows=10)

    def test_too_large(self) -> None:
        assert "was 16385 KiB" in said(b"x" * (16 * 1024 * 1024 + 1024))["sample"]

    def test_parquet_that_unpacks_to_too_much_or_nests(self) -> None:
        long = io.BytesIO()
        to_frame([{"size": 1, "kind": "b"}], SCHEMA).loc[[0] * 50_000].to_parquet(long, index=False)
        assert "50000" in said(long.getvalue())["sample"]
        nested = io.BytesIO()
        columns = {name: [[1]] for name in SCHEMA.names}
        pd.DataFrame(columns).to_parquet(nested)
        assert said(nested.getvalue()) == {"sample.size": "must hold plain numbers, text or booleans"}


def said(data: bytes, label: str | None = None, max_rows: int = 1_000) -> dict[str, str]:
    with pytest.raises(SampleInvalid) as caught:
        read_sample(data, SCHEMA, label, max_rows=max_rows)
    return {problem.path: problem.problem for problem in caught.value.details}
