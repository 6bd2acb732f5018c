from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runebook.core.errors import InvalidParameterValue, NotFound, RunebookError
from runebook.core.experiments import LifecycleStage
from runebook.core.params import Param
from runebook.core.tags import Tag
from runebook.storage.base import Storage
from runebook.storage.files import layout
from runebook.testing.records import NOW_MS, add_run, metric, series

from .backend import FileBackend

HOSTILE = ["..", "../x", "a/../../x", "/etc/x", "//x", "a//b", "a/", "./a", "a/.", ".", "", "\\x", "a\0b"]


@given(st.text(alphabet="ab./\\\0 é", max_size=12))
def test_a_key_stays_in_its_folder_or_is_refused(key: str) -> None:
    try:
        path = layout.key_path("0/run", "params", key)
    except InvalidParameterValue:
        return
    assert posixpath.normpath(path) == path
    assert path.startswith("0/run/params/")
    assert path != "0/run/params/"


@pytest.mark.parametrize("key", HOSTILE)
def test_no_key_escapes(backend: FileBackend, key: str) -> None:
    run_id = add_run(backend.storage)
    before = {path for path in backend.root.parent.rglob("*") if path.name != layout.NEW_FILE}
    with pytest.raises(InvalidParameterValue), backend.storage.write() as tx:
        tx.params.add({run_id: [Param(key=key, value="x")]})
    with pytest.raises(InvalidParameterValue), backend.storage.write() as tx:
        tx.tags.set({run_id: [Tag(key=key, value="x")]})
    with pytest.raises(InvalidParameterValue), backend.storage.write() as tx:
        tx.metrics.append({run_id: series([metric(key, 1.0)])})
    with backend.storage.read() as tx:
        assert tx.tags.get(run_id, key) is None
        assert tx.metrics.history(run_id, key).items == []

    assert set(backend.root.parent.rglob("*")) == before


@pytest.mark.parametrize("run_id", [*HOSTILE, "tags", "datasets", "models", ".trash", "0/" + "a" * 32, "x" * 300])
def test_no_id_names_another_folder(storage: Storage, run_id: str) -> None:
    add_run(storage, tags=[Tag(key="meta.yaml", value="a: b")])
    with storage.read() as tx:
        for read in (tx.runs.get, tx.logged_models.get):
            with pytest.raises(NotFound):
                read(run_id)
        with pytest.raises(RunebookError):
            tx.experiments.get(f"{run_id}/0")
    with pytest.raises(RunebookError), storage.write() as tx:
        tx.experiments.set_stage(f"0/{run_id}", LifecycleStage.DELETED, NOW_MS)
    with pytest.raises(RunebookError):
        add_run(storage, run_id=run_id or "..")


@pytest.mark.parametrize(
    "keys",
    [("a", "a/b"), ("a/b", "a"), ("a", "a/b/c", "a/b"), ("é" * 250,), ("x/" + "é" * 240, "x")],
    ids=["file first", "folder first", "deeper", "long name", "long part"],
)
def test_keys_that_mlflow_has_no_place_for_are_kept_all_the_same(backend: FileBackend, keys: tuple[str, ...]) -> None:
    run_id = add_run(backend.storage)
    for key in keys:
        with backend.storage.write() as tx:
            tx.params.add({run_id: [Param(key=key, value=f"of {key}")]})
            tx.tags.set({run_id: [Tag(key=key, value="old"), Tag(key=key, value=f"of {key}")]})
            tx.metrics.append({run_id: series([metric(key, 1.0, step) for step in (1, 2)])})

    with backend.open_again().read() as tx:
        data = tx.runs.get(run_id).data
        assert {param.key: param.value for param in data.params} == {key: f"of {key}" for key in keys}
        assert {tag.key: tag.value for tag in data.tags} == {key: f"of {key}" for key in keys}
        assert {each.key for each in data.metrics} == set(keys)
        assert all([point.step for point in tx.metrics.history(run_id, key).items] == [1, 2] for key in keys)
    with backend.storage.write() as tx:
        for key in keys:
            tx.tags.delete(run_id, key)
        assert tx.runs.get(run_id).data.tags == []
