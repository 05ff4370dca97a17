"""What a request to a model server and its answer say: the protocols of KServe, MLServer, Seldon and MLflow. Pure.

    v1        {"instances": [{"age": 40}]}                        {"predictions": [0]}
    v2        {"inputs": [{"name", "shape", "datatype", "data"}]} {"outputs": [{"name", …, "data": [0]}]}
    Seldon    {"data": {"names": ["age"], "ndarray": [[40]]}}     {"data": {"names", "tensor": {"shape", "values"}}}
    MLflow    {"dataframe_split": {"columns", "data"}}, {"dataframe_records": [{…}]}, {"inputs": {"age": [40]}}

One row with named columns becomes named inputs. A batch stays one decision, as it was one request: nothing says which
of its rows is about whom.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from audit.intake.lines import is_label, is_score


def inputs_of(request: Any) -> dict[str, Any]:
    """Named inputs where the request holds one row whose columns have names, else the request as it came."""
    row = _one_row(request) if isinstance(request, dict) else None
    if row is not None:
        return row
    return request if isinstance(request, dict) else {"request": request}


def output_of(response: Any) -> dict[str, Any]:
    """The response as it came, beside its label (text, whole number, yes or no) or score (fraction) if it has one."""
    output: dict[str, Any] = {"response": response}
    value = _one_value(response) if isinstance(response, dict) else None
    if isinstance(value, bool):
        output["label"] = "true" if value else "false"
    elif isinstance(value, float) and is_score(value):
        output["score"] = value
    elif is_label(value):
        output["label"] = value
    return output


def _one_row(request: dict[str, Any]) -> dict[str, Any] | None:
    for records in (request.get("instances"), request.get("dataframe_records")):
        if isinstance(records, list) and len(records) == 1 and isinstance(records[0], dict) and records[0]:
            return records[0]
    inputs = request.get("inputs")
    if isinstance(inputs, list):
        return _tensors(inputs)
    if isinstance(inputs, dict):
        return _columns(inputs)
    split = request.get("dataframe_split")
    if isinstance(split, dict):
        return _named(split.get("columns"), split.get("data"))
    data = request.get("data")
    if isinstance(data, dict):
        return _named(data.get("names"), _seldon_values(data))
    return None


def _one_value(response: dict[str, Any]) -> Any:
    """The only value of the only column; None where there are more."""
    outputs, data = response.get("outputs"), response.get("data")
    if isinstance(outputs, list):
        tensor = outputs[0] if len(outputs) == 1 and isinstance(outputs[0], dict) else {}
        return _only(tensor.get("data"))
    if isinstance(data, dict):
        return _only(_seldon_values(data))
    return _only(response.get("predictions"))


def _tensors(tensors: list[Any]) -> dict[str, Any] | None:
    """Tensors of one value each, by name."""
    row: dict[str, Any] = {}
    for tensor in tensors:
        name = tensor.get("name") if isinstance(tensor, dict) else None
        if not isinstance(name, str) or name in row or (value := _only(tensor.get("data"))) is None:
            return None
        row[name] = value
    return row or None


def _columns(columns: dict[str, Any]) -> dict[str, Any] | None:
    """Columns of one value each, by name."""
    row = {name: _only(column) for name, column in columns.items()}
    return row if row and None not in row.values() else None


def _named(names: Any, values: Any) -> dict[str, Any] | None:
    """One row of values under its columns' names."""
    if not isinstance(names, list) or not isinstance(values, list) or not values:
        return None
    row = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    fits = len(row) == len(names) == len({name for name in names if isinstance(name, str)})
    return dict(zip(names, row, strict=True)) if fits and not _has_lists(row) else None


def _seldon_values(data: dict[str, Any]) -> Any:
    tensor = data.get("tensor")
    if not isinstance(tensor, dict):
        return data.get("ndarray")
    shape, values = tensor.get("shape"), tensor.get("values")
    # A flat list of several rows must not be taken for one.
    return values if isinstance(shape, list) and (len(shape) < 2 or shape[0] == 1) else None


def _only(values: Any) -> Any:
    while isinstance(values, list) and len(values) == 1:
        values = values[0]
    return None if isinstance(values, list | dict) else values


def _has_lists(row: Sequence[Any]) -> bool:
    return any(isinstance(value, list | dict) for value in row)
