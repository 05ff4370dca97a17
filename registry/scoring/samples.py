"""Background and evaluation samples: CSV or Parquet bytes, checked against the input schema."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from portal.errors import Problem

from .problems import SampleInvalid
from .schema import MAX_WHOLE, Feature, InputSchema

MAX_ROWS = 1_000
MAX_BYTES = 16 * 1024 * 1024
# A small Parquet file can hold a very long run of one value.
MAX_UNPACKED = 256 * 1024 * 1024
_TRUE, _FALSE = {"true", "1", "1.0"}, {"false", "0", "0.0"}


def read_sample(
    data: bytes,
    schema: InputSchema,
    label: str | None = None,
    *,
    max_rows: int = MAX_ROWS,
    max_bytes: int = MAX_BYTES,
) -> pd.DataFrame:
    """Return the sample as `to_frame` would give it, plus the label column last if one is named.

    Raise SampleInvalid with every problem: too large, unreadable, missing or unknown columns, values
    that the schema refuses (with the first row that has one). A label column is text, or float64 if
    all of it is numbers.
    """
    if len(data) > max_bytes:
        raise _refusal("sample", f"must be at most {max_bytes // 1024} KiB, was {len(data) // 1024} KiB")
    read = _read_parquet if data[:4] == b"PAR1" else _read_csv
    table = read(data, _check_columns(schema, label), max_rows)
    if not 1 <= len(table) <= max_rows:
        raise _refusal("sample", f"must have 1 to {max_rows} rows, had {len(table)}")
    problems: list[Problem] = []
    columns = {f.name: _convert(table[f.name].to_numpy(dtype=object), f, problems) for f in schema.features}
    if label is not None:
        columns[label] = _label(table[label].to_numpy(dtype=object), label, problems)
    if problems:
        raise SampleInvalid(problems)
    return pd.DataFrame({name: pd.Series(values, dtype=values.dtype) for name, values in columns.items()})


def _refusal(path: str, problem: str) -> SampleInvalid:
    return SampleInvalid([Problem(path, problem)])


def _check_columns(schema: InputSchema, label: str | None) -> Callable[[Sequence[str]], None]:
    wanted = [*schema.names, *([label] if label is not None else [])]

    def check(names: Sequence[str]) -> None:
        problems = [Problem(f"sample.{name}", "is a missing column") for name in wanted if name not in names]
        extra = [name for name in dict.fromkeys(names) if name not in wanted]
        problems += [Problem(f"sample.{name[:64]}", "is not a known input") for name in extra[:20]]
        if len(set(names)) != len(names):
            problems.append(Problem("sample", "names a column twice"))
        if problems:
            raise SampleInvalid(problems)

    return check


def _read_csv(data: bytes, check: Callable[[Sequence[str]], None], max_rows: int) -> pd.DataFrame:
    try:
        text = data.decode("utf-8-sig")
        check(next(csv.reader(io.StringIO(text)), []))
        with warnings.catch_warnings():
            # pandas only warns when a row is longer than the header, and drops the rest.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            # As text, and with "NA" or "None" left alone: they may be categories.
            return pd.read_csv(
                io.StringIO(text), dtype=object, keep_default_na=False, na_values=[""], index_col=False,
                nrows=max_rows + 1,
            )  # fmt: skip
    except UnicodeDecodeError:
        raise _refusal("sample", "is neither Parquet nor CSV in UTF-8") from None
    except (csv.Error, pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError) as error:
        raise _refusal("sample", f"cannot be read as CSV: {error}") from None


def _read_parquet(data: bytes, check: Callable[[Sequence[str]], None], max_rows: int) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        check(file.schema_arrow.names)
        groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
        if file.metadata.num_rows > max_rows:
            raise _refusal("sample", f"must have 1 to {max_rows} rows, had {file.metadata.num_rows}")
        if sum(group.total_byte_size for group in groups) > MAX_UNPACKED:
            raise _refusal("sample", f"must be at most {MAX_UNPACKED >> 20} MiB when unpacked")
        for field in file.schema_arrow:
            if pa.types.is_nested(field.type) or pa.types.is_binary(field.type):
                raise _refusal(f"sample.{field.name}", "must hold plain numbers, text or booleans")
        columns = file.read(use_threads=False).to_pydict()
    except pa.ArrowException as error:
        raise _refusal("sample", f"cannot be read as Parquet: {str(error)[:120]}") from None
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})


def _convert(values: np.ndarray, feature: Feature, problems: list[Problem]) -> np.ndarray:
    missing = pd.isna(values)
    if missing.any() and not feature.may_be_missing:
        problems.append(_at(feature.name, missing, "is required"))
    if feature.kind == "category":
        return _categories(values, missing, feature, problems)
    numbers = _numbers(values, feature)
    if (bad := np.isnan(numbers) & ~missing | np.isinf(numbers)).any():
        wanted = {"boolean": "true or false", "integer": "a whole number"}.get(feature.kind, "a number")
        problems.append(_at(feature.name, bad, f"must be {wanted}", values))
    elif feature.kind == "integer" and (bad := _not_whole(numbers)).any():
        problems.append(_at(feature.name, bad, "must be a whole number", values))
    elif (bad := _outside(numbers, feature)).any():
        problems.append(_at(feature.name, bad, f"must be {_range(feature)}", values))
    return numbers


def _categories(
    values: np.ndarray, missing: np.ndarray, feature: Feature, problems: list[Problem]
) -> np.ndarray:
    column = np.where(missing, np.nan, values).astype(object)
    known = set(feature.categories)
    bad = np.array([not gone and value not in known for value, gone in zip(column, missing, strict=True)])
    if bad.any():
        problems.append(_at(feature.name, bad, f"must be one of: {', '.join(feature.categories)}"))
    return column


def _numbers(values: np.ndarray, feature: Feature) -> np.ndarray:
    if feature.kind == "boolean":
        words = [str(value).strip().lower() for value in values]
        return np.array([1.0 if word in _TRUE else 0.0 if word in _FALSE else np.nan for word in words])
    # pandas would take True for 1.
    plain = [np.nan if isinstance(value, (bool, np.bool_)) else value for value in values]
    return pd.to_numeric(pd.Series(plain, dtype=object), errors="coerce").to_numpy(dtype=np.float64)


def _not_whole(numbers: np.ndarray) -> np.ndarray:
    present = ~np.isnan(numbers)
    return present & ((numbers != np.floor(numbers)) | (np.abs(numbers) > MAX_WHOLE))


def _outside(numbers: np.ndarray, feature: Feature) -> np.ndarray:
    bad = np.zeros(len(numbers), dtype=bool)
    if feature.minimum is not None:
        bad |= numbers <= feature.minimum if feature.exclusive_minimum else numbers < feature.minimum
    if feature.maximum is not None:
        bad |= numbers >= feature.maximum if feature.exclusive_maximum else numbers > feature.maximum
    return bad


def _range(feature: Feature) -> str:
    parts = []
    if feature.minimum is not None:
        parts.append(f"{'more than' if feature.exclusive_minimum else 'at least'} {feature.minimum:g}")
    if feature.maximum is not None:
        parts.append(f"{'less than' if feature.exclusive_maximum else 'at most'} {feature.maximum:g}")
    return " and ".join(parts)


def _label(values: np.ndarray, name: str, problems: list[Problem]) -> np.ndarray:
    if (missing := pd.isna(values)).any():
        problems.append(_at(name, missing, "is required"))
        return values
    texts = np.array([value if isinstance(value, str) else str(value) for value in values], dtype=object)
    numbers = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(dtype=np.float64)
    return texts if np.isnan(numbers).any() else numbers


def _at(name: str, bad: np.ndarray, problem: str, values: np.ndarray | None = None) -> Problem:
    first, count = int(np.argmax(bad)), int(bad.sum())
    was = "" if values is None else f", was {str(values[first])[:40]}"
    more = "" if count == 1 else f" (and {count - 1} more)"
    return Problem(f"sample.{name}", f"{problem}{was} in row {first + 1}{more}")
