from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

import runebook as rb
from runebook.client.data import dataset_entity


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "a": [1.0, 2.0],
            "b": [1, 2],
            "c": ["x", "y"],
            "d": [True, False],
            "t": pd.to_datetime(["2020-01-01", "2020-01-02"]),
            "n": pd.Series([1.0, None], dtype="float32"),
        }
    )


def test_a_frame_is_described_in_mlflows_json(frame: pd.DataFrame) -> None:
    fields = rb.data.from_pandas(frame, targets="a", name="n").to_dict()

    assert json.loads(str(fields["schema"])) == {
        "mlflow_colspec": [
            {"type": "double", "name": "a", "required": True},
            {"type": "long", "name": "b", "required": True},
            {"type": "string", "name": "c", "required": True},
            {"type": "boolean", "name": "d", "required": True},
            {"type": "datetime", "name": "t", "required": True},
            {"type": "float", "name": "n", "required": False},
        ]
    }
    assert json.loads(str(fields["profile"])) == {"num_rows": 2, "num_elements": 12}
    assert (fields["name"], fields["source_type"]) == ("n", "code")
    assert set(json.loads(str(fields["source"]))["tags"]) >= {"mlflow.user", "mlflow.source.type"}


def test_arrays_are_described_in_mlflows_json() -> None:
    fields = rb.data.from_numpy(np.zeros((3, 2)), targets=np.zeros(3)).to_dict()

    schema = json.loads(str(fields["schema"]))["mlflow_tensorspec"]
    assert json.loads(schema["features"]) == [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}]
    assert json.loads(str(fields["profile"])) == {
        "features_shape": [3, 2],
        "features_size": 6,
        "features_nbytes": 48,
        "targets_shape": [3],
        "targets_size": 3,
        "targets_nbytes": 24,
    }
    named = rb.data.from_numpy({"f": np.zeros((3, 2))}).to_dict()
    schema = json.loads(str(named["schema"]))["mlflow_tensorspec"]
    assert json.loads(schema["features"])[0]["name"] == "f"
    assert schema["targets"] is None


@pytest.mark.parametrize(
    ("source", "kind", "content"),
    [
        ("/data/x.csv", "local", {"uri": "/data/x.csv"}),
        ("https://x/y.csv", "http", {"url": "https://x/y.csv"}),
        ("s3://x/y.csv", "s3", {"uri": "s3://x/y.csv"}),
    ],
)
def test_a_source_has_mlflows_type(frame: pd.DataFrame, source: str, kind: str, content: dict[str, str]) -> None:
    fields = rb.data.from_pandas(frame, source=source).to_dict()

    assert (fields["source_type"], json.loads(str(fields["source"]))) == (kind, content)


def test_a_digest_depends_on_every_row_name_and_type() -> None:
    many = pd.DataFrame({"a": range(20_000)})
    changed = many.copy()
    changed.loc[19_999, "a"] = -1
    digests = [
        rb.data.from_pandas(one).digest
        for one in (many, changed, many.rename(columns={"a": "b"}), many.astype("int32"), many[:-1])
    ]

    assert len(set(digests)) == len(digests)
    assert rb.data.from_pandas(many.copy()).digest == digests[0]
    assert all(len(digest) <= 36 for digest in digests)


def test_cells_that_cannot_be_hashed_still_give_a_digest() -> None:
    first, second = (pd.DataFrame({"a": [[1, 2], {"x": value}]}) for value in (1, 2))

    assert rb.data.from_pandas(first).digest != rb.data.from_pandas(second).digest


def test_a_digest_of_arrays_depends_on_shape_and_content() -> None:
    arrays: list[Any] = [np.zeros((2, 3)), np.zeros((3, 2)), np.zeros((2, 3), "float32"), np.ones((2, 3))]

    assert len({rb.data.from_numpy(array).digest for array in arrays}) == 4


def test_columns_that_are_not_there_are_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(rb.RunebookError, match="'targets' names the column 'z'"):
        rb.data.from_pandas(frame, targets="z")


def test_a_dataset_of_another_kind_is_taken_by_its_dictionary() -> None:
    class Theirs:
        def to_dict(self) -> dict[str, str]:
            return {"name": "n", "digest": "d", "source": "{}", "source_type": "local"}

    assert dataset_entity(Theirs()).name == "n"
    with pytest.raises(rb.RunebookError, match="Not a dataset: int"):
        dataset_entity(3)


def test_a_metric_on_a_dataset_makes_it_an_input(frame: pd.DataFrame) -> None:
    dataset = rb.data.from_pandas(frame, name="held out")
    with rb.start_run() as run:
        rb.log_metric("accuracy", 0.5, dataset=dataset)

    stored = rb.get_run(run.info.run_id)
    assert [read.dataset.name for read in stored.inputs.dataset_inputs] == ["held out"]


def test_inputs_with_contexts_of_another_number_are_refused(frame: pd.DataFrame) -> None:
    with rb.start_run(), pytest.raises(rb.RunebookError, match="'contexts' must have one entry for each"):
        rb.log_inputs([rb.data.from_pandas(frame)], contexts=["a", "b"])
