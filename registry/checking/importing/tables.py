"""Tables of features as somebody sends them: CSV or Parquet bytes, read within limits. Pure."""

from __future__ import annotations

import csv
import io
import warnings

import pandas as pd

from registry.checking.importing.parity import MAX_FEATURES, ParityInvalid

MAX_BYTES = 16 * 1024 * 1024
MAX_ROWS = 100_000
# A small Parquet file can hold a very long run of one value.
MAX_UNPACKED = 256 * 1024 * 1024


def read_table(data: bytes, side: str) -> pd.DataFrame:
    """The table; `ParityInvalid` naming the side for what is too large, unreadable or not flat."""
    if len(data) > MAX_BYTES:
        raise ParityInvalid(f"{side} is larger than {MAX_BYTES >> 20} MiB")
    table = _read_parquet(data, side) if data[:4] == b"PAR1" else _read_csv(data, side)
    if not 1 <= len(table) <= MAX_ROWS:
        raise ParityInvalid(f"{side} must have 1 to {MAX_ROWS} rows")
    return table


def _check_names(names: list[str], side: str) -> None:
    if not names or len(set(names)) != len(names):
        raise ParityInvalid(f"{side} names a column twice" if names else f"{side} is empty")
    if len(names) > MAX_FEATURES or any(len(name) > 255 for name in names):
        raise ParityInvalid(f"{side} must have at most {MAX_FEATURES} columns with names of at most 255 characters")


def _read_csv(data: bytes, side: str) -> pd.DataFrame:
    try:
        text = data.decode("utf-8-sig")
        _check_names(next(csv.reader(io.StringIO(text)), []), side)
        with warnings.catch_warnings():
            # pandas only warns when a row is longer than the header, and drops the rest.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            # "NA" or "None" may be a category.
            return pd.read_csv(
                io.StringIO(text), keep_default_na=False, na_values=[""], index_col=False, nrows=MAX_ROWS + 1
            )
    except UnicodeDecodeError:
        raise ParityInvalid(f"{side} is neither Parquet nor CSV in UTF-8") from None
    except (csv.Error, pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError) as error:
        raise ParityInvalid(f"{side} cannot be read as CSV: {str(error)[:120]}") from None


def _read_parquet(data: bytes, side: str) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        _check_names(file.schema_arrow.names, side)
        unpacked = sum(file.metadata.row_group(index).total_byte_size for index in range(file.metadata.num_row_groups))
        if file.metadata.num_rows > MAX_ROWS or unpacked > MAX_UNPACKED:
            raise ParityInvalid(f"{side} must have at most {MAX_ROWS} rows and {MAX_UNPACKED >> 20} MiB when unpacked")
        if any(pa.types.is_nested(column.type) or pa.types.is_binary(column.type) for column in file.schema_arrow):
            raise ParityInvalid(f"{side} must hold plain numbers, text, times or booleans")
        return file.read(use_threads=False).to_pandas(ignore_metadata=True)
    except pa.ArrowException as error:
        raise ParityInvalid(f"{side} cannot be read as Parquet: {str(error)[:120]}") from None
