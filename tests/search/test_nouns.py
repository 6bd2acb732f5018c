"""Searches of experiments and logged models, and the dialect that no driver runs yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import sqlglot

from runebook.search.order_by import parse_order_by, total_order
from runebook.search.parser import parse_filter
from runebook.search.tree import Key
from runebook.search.vocabulary import (
    EXPERIMENTS,
    LOGGED_MODEL_STATUSES,
    LOGGED_MODELS,
    REGISTERED_MODELS,
    RUNS,
    OrderKey,
    without_prompts,
)
from runebook.storage.sql.dialects import SQLITE
from runebook.storage.sql.mssql import MSSQL
from runebook.storage.sql.search import Search, page_statement, search_ids
from runebook.storage.sql.search_filter import interned_names
from runebook.storage.sql.search_tables import EXPERIMENT_TABLES, LOGGED_MODEL_TABLES, RUN_TABLES
from runebook.testing.search_cases import FILTERS, ORDERS

from .sql_backend import SqlBackend, sqlite_backend


@pytest.fixture
def backend() -> Iterator[SqlBackend]:
    with sqlite_backend() as empty:
        yield empty


def add_experiment(backend: SqlBackend, number: int, name: str, created: int, **tags: str) -> None:
    times = {"creation_time": created, "last_update_time": created + 1}
    columns = {"artifact_location": f"file:///{number}", "lifecycle_stage": int(name == "gone")}
    backend.insert("experiments", id=number, name=name, **columns, **times)
    for key, value in tags.items():
        backend.insert("experiment_tags", experiment_id=number, tag_key=key, tag_value=value)


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("", [], [10, 2, 3, 0]),
        ("", ["name DESC"], [2, 10, 3, 0]),
        ("", ["experiment_id"], [0, 2, 3, 10]),
        ("name LIKE 'v%'", [], [10, 2]),
        ("attribute.name ILIKE 'DEF%'", [], [0]),
        ("experiment_id IN ('2', '10')", [], [10, 2]),
        ("experiment_id != '2' AND experiment_id < 10", [], [3, 0]),
        ("creation_time > 15 AND last_update_time <= 21", [], [2, 3]),
        ("tags.team = 'a'", [], [10]),
        ("tag.team != 'a'", [], [2]),
        ("tags.team IS NULL OR NOT tags.team IN ('a')", [], [2, 3, 0]),
        ("lifecycle_stage = 'deleted'", [], [3]),
    ],
)
def test_experiments_are_found(backend: SqlBackend, text: str, order: list[str], expected: list[int]) -> None:
    add_experiment(backend, 0, "Default", 10)
    add_experiment(backend, 2, "vision b", 20, team="b")
    add_experiment(backend, 10, "vision a", 30, team="a")
    add_experiment(backend, 3, "gone", 20)
    search = Search(EXPERIMENT_TABLES, parse_filter(text, EXPERIMENTS), parse_order_by(order, EXPERIMENTS))
    found, token = search_ids(backend.execute, SQLITE, search, 3)
    if token:
        found += search_ids(backend.execute, SQLITE, search, 3, token)[0]
    # creation times tie between 2 and 3: the default order goes on by id
    assert found == expected


def add_model(
    backend: SqlBackend,
    number: int,
    status: str,
    points: Sequence[tuple[str, int, float, str | None]],
    model_type: str | None = None,
    **params: str,
) -> None:
    times = {"creation_timestamp_ms": number, "last_updated_timestamp_ms": number}
    columns = {"artifact_location": "x", "lifecycle_stage": 0, "status": LOGGED_MODEL_STATUSES.index(status)}
    described = {"name": f"model {number}", "model_type": model_type, "experiment_id": 7}
    backend.insert("logged_models", id=number, model_id=f"m-{number}", **described, **columns, **times)
    owner = {"model": number, "experiment_id": 7}
    for key, text in params.items():
        backend.insert("logged_model_params", **owner, name_id=backend.name(key), value=text, number=None)
    for metric, step, value, dataset in points:
        where = {"run_id": "r", "dataset_name": dataset, "dataset_digest": dataset and f"{dataset}-1"}
        backend.insert(
            "logged_model_metrics",
            **owner,
            name_id=backend.name(metric),
            step=step,
            time=0,
            value=value,
            kind=0,
            **where,
        )


def models(backend: SqlBackend) -> None:
    add_model(backend, 1, "READY", [("acc", 0, 0.1, "a"), ("acc", 1, 0.9, "b")], "sklearn", lr="x")
    add_model(backend, 2, "PENDING", [("acc", 1, 0.2, "a"), ("acc", 0, 0.95, None)], lr="Y")
    add_model(backend, 3, "FAILED", [])


@pytest.mark.parametrize(
    ("text", "datasets", "expected"),
    [
        ("", (), "3 2 1"),
        ("metrics.acc > 0.92", (), "2"),
        ("metrics.acc = 0.1", (), "1"),
        ("metrics.acc.last > 0.5", (), "1"),
        ("metrics.acc.min < 0.15 OR metrics.acc.first > 0.9", (), "2 1"),
        ("metrics.acc.max <= 0.9", (), "1"),
        ("metrics.acc IS NULL", (), "3"),
        ("NOT metrics.acc > 0.92", (), "3 1"),
        ("metrics.acc > 0.15", (("a", None),), "2"),
        ("metrics.acc > 0", (("b", "b-1"), ("c", None)), "1"),
        ("metrics.acc > 0", (("b", "other"),), ""),
        ("params.lr IS NOT NULL", (("a", None),), "2 1"),
        ("params.lr ILIKE 'y'", (), "2"),
        ("status = 'READY' AND model_type = \"sklearn\"", (), "1"),
        ("model_type != 'x'", (), "1"),
        ("name IN ('model 1', 'model 3') AND creation_time > 1", (), "3"),
        ("experiment_id LIKE '7%'", (), "3 2 1"),
    ],
)
def test_logged_models_are_found(
    backend: SqlBackend, text: str, datasets: tuple[tuple[str, str | None], ...], expected: str
) -> None:
    models(backend)
    tree, order = parse_filter(text, LOGGED_MODELS), parse_order_by([], LOGGED_MODELS)
    found, _ = search_ids(backend.execute, SQLITE, Search(LOGGED_MODEL_TABLES, tree, order, (7,), (0,), datasets), 10)
    assert " ".join(map(str, found)) == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (OrderKey(Key("metric", "acc"), ascending=False), "1 2 3"),
        (OrderKey(Key("metric", "acc"), dataset_name="a"), "1 2 3"),
        (OrderKey(Key("metric", "acc"), dataset_name="b"), "1 3 2"),
        (OrderKey(Key("metric", "acc", "max"), ascending=False), "2 1 3"),
        (OrderKey(Key("attribute", "model_type")), "1 3 2"),
    ],
)
def test_logged_models_are_ordered_on_a_dataset(backend: SqlBackend, order: OrderKey, expected: str) -> None:
    models(backend)
    search = Search(LOGGED_MODEL_TABLES, None, total_order([order], LOGGED_MODELS), (7,), (0,))
    found, token = search_ids(backend.execute, SQLITE, search, 2)
    found += search_ids(backend.execute, SQLITE, search, 2, token)[0]
    assert " ".join(map(str, found)) == expected


def test_prompts_are_left_out_unless_the_filter_speaks_of_them() -> None:
    assert without_prompts(None) == parse_filter("tags.`mlflow.prompt.is_prompt` != 'true'", REGISTERED_MODELS)
    asked = parse_filter("tags.`mlflow.prompt.is_prompt` = 'true'", REGISTERED_MODELS)
    assert without_prompts(asked) == asked


@pytest.mark.parametrize("text", FILTERS)
def test_every_filter_is_sql_of_sql_server(text: str) -> None:
    tree, order = parse_filter(text, RUNS), parse_order_by(["metrics.loss.min DESC", "params.lr"], RUNS)
    names = {name: index for index, name in enumerate(interned_names(RUN_TABLES, tree, order))}
    statement = page_statement(MSSQL, Search(RUN_TABLES, tree, order, (0,), (0,)), names, 10)
    assert sqlglot.parse_one(statement.sql, read="tsql") is not None


def test_every_parameter_of_a_statement_is_used() -> None:
    for text in ORDERS:
        order = parse_order_by([clause.strip() for clause in text.split("|") if clause], RUNS)
        statement = page_statement(SQLITE, Search(RUN_TABLES, None, order, (0,)), {"loss": 1}, 10)
        assert all(f":{name}" in statement.sql for name in statement.parameters)
