"""Datasets as inputs of runs: what they are called, what they hold, where they come from; not their rows.

The JSON of source, schema and profile is MLflow's. Digests are Runebook's own: they depend on every row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runebook.client import context
from runebook.client.entities import Dataset as DatasetEntity
from runebook.client.extras import require
from runebook.core import tags
from runebook.core.errors import InvalidParameterValue
from runebook.core.limits import MAX_DATASET_SCHEMA_LENGTH

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

DIGEST_CHARACTERS = 16
_DTYPE_KINDS = {"b": "boolean", "U": "string", "S": "binary", "O": "string", "M": "datetime", "f": "double"}


class Dataset:
    """A dataset by name and digest. `to_dict()` has MLflow's keys; schema and profile are JSON texts in it."""

    def __init__(
        self,
        name: str | None,
        digest: str,
        source: str | None,
        schema: Mapping[str, Any] | None,
        profile: Mapping[str, Any] | None,
    ) -> None:
        self.name = name or "dataset"
        self.digest = digest
        self.source_type, self.source = _source(source)
        self.schema = schema
        self.profile = profile

    def to_dict(self) -> dict[str, str | None]:
        schema = None if self.schema is None else json.dumps(self.schema)
        return {
            "name": self.name,
            "digest": self.digest,
            "source_type": self.source_type,
            "source": json.dumps(self.source),
            "schema": schema if schema is None or len(schema) <= MAX_DATASET_SCHEMA_LENGTH else None,
            "profile": None if self.profile is None else json.dumps(self.profile),
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict())


def from_pandas(
    df: pd.DataFrame,
    source: str | None = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> Dataset:
    """A data frame.

    Args:
        df: hashed whole; an index counts as data.
        source: a path or URI; by default the code that runs.
        targets: the column that is to be predicted.
        name: by default `dataset`.
        digest: by default a hash of columns, types and rows.
        predictions: the column that holds a model's predictions.

    """
    for role, column in (("targets", targets), ("predictions", predictions)):
        if column is not None and column not in df.columns:
            raise InvalidParameterValue(f"{role!r} names the column {column!r}, which the data frame does not have.")
    columns = [
        {"type": _column_type(df[column]), "name": str(column), "required": not bool(df[column].isna().any())}
        for column in df.columns
    ]
    profile = {"num_rows": len(df), "num_elements": int(df.size)}
    return Dataset(name, digest or _frame_digest(df), source, {"mlflow_colspec": columns}, profile)


def from_numpy(
    features: np.ndarray[Any, Any] | dict[str, np.ndarray[Any, Any]],
    source: str | None = None,
    targets: np.ndarray[Any, Any] | dict[str, np.ndarray[Any, Any]] | None = None,
    name: str | None = None,
    digest: str | None = None,
) -> Dataset:
    """An array, or arrays by name; the first axis counts examples. Arguments as of `from_pandas`."""
    parts = {"features": features} | ({} if targets is None else {"targets": targets})
    schema = {part: _tensor_specs(arrays) for part, arrays in parts.items()}
    profile: dict[str, Any] = {}
    for part, arrays in parts.items():
        profile[f"{part}_shape"] = _for_each(arrays, lambda array: list(array.shape))
        profile[f"{part}_size"] = _for_each(arrays, lambda array: int(array.size))
        profile[f"{part}_nbytes"] = _for_each(arrays, lambda array: int(array.nbytes))
    spec = {"mlflow_tensorspec": {"features": schema["features"], "targets": schema.get("targets")}}
    return Dataset(name, digest or _arrays_digest(parts), source, spec, profile)


def dataset_entity(dataset: Any) -> DatasetEntity:
    """The record of a dataset: ours, MLflow's, or one that is a record already.

    Raises:
        InvalidParameterValue: it is none of these.

    """
    if isinstance(dataset, DatasetEntity):
        return dataset
    describe = getattr(dataset, "to_dict", None)
    fields = describe() if callable(describe) else None
    if not isinstance(fields, dict) or not {"name", "digest", "source_type", "source"} <= set(fields):
        raise InvalidParameterValue(
            f"Not a dataset: {type(dataset).__name__}. Make one with runebook.data.from_pandas or from_numpy."
        )
    return DatasetEntity(
        fields["name"],
        fields["digest"],
        fields["source_type"],
        fields["source"],
        fields.get("schema"),
        fields.get("profile"),
    )


def _source(source: str | None) -> tuple[str, dict[str, Any]]:
    """Type and JSON of where data come from: the running code, a web address, a bucket, or a path."""
    if source is None:
        known = context.process_tags()
        names = (tags.USER, tags.SOURCE_NAME, tags.SOURCE_TYPE)
        return "code", {"tags": {name: known[name] for name in names if name in known}}
    scheme = source.partition("://")[0].lower() if "://" in source else ""
    if scheme in {"http", "https"}:
        return "http", {"url": source}
    return ("local" if scheme in {"", "file"} else scheme), {"uri": source}


def _column_type(column: Any) -> str:
    kind = column.dtype.kind
    if kind in "iu":
        return "integer" if column.dtype.itemsize < 8 else "long"
    if kind == "f" and column.dtype.itemsize < 8:
        return "float"
    return _DTYPE_KINDS.get(kind, "string")


def _frame_digest(frame: Any) -> str:
    pandas = require("pandas", extra="pandas")
    hashed = hashlib.sha256(repr([(str(name), str(kind)) for name, kind in frame.dtypes.items()]).encode())
    try:
        rows = pandas.util.hash_pandas_object(frame, index=True)
    except TypeError:  # cells that cannot be hashed, such as lists
        rows = pandas.util.hash_pandas_object(frame.map(repr), index=True)
    hashed.update(rows.to_numpy().tobytes())
    return hashed.hexdigest()[:DIGEST_CHARACTERS]


def _arrays_digest(parts: Mapping[str, Any]) -> str:
    hashed = hashlib.sha256()
    for part, arrays in parts.items():
        for name, array in sorted(arrays.items()) if isinstance(arrays, dict) else [("", arrays)]:
            hashed.update(repr((part, name, array.shape, str(array.dtype))).encode())
            hashed.update(repr(array.tolist()).encode() if array.dtype.hasobject else array.tobytes())
    return hashed.hexdigest()[:DIGEST_CHARACTERS]


def _tensor_specs(arrays: Any) -> str:
    """A JSON text within the JSON, as MLflow has it."""
    named = arrays.items() if isinstance(arrays, dict) else [(None, arrays)]
    specs = []
    for name, array in named:
        tensor = {"type": "tensor", "tensor-spec": {"dtype": str(array.dtype), "shape": [-1, *array.shape[1:]]}}
        specs.append(tensor if name is None else {"name": name} | tensor)
    return json.dumps(specs)


def _for_each(arrays: Any, measure: Any) -> Any:
    return {name: measure(array) for name, array in arrays.items()} if isinstance(arrays, dict) else measure(arrays)
