"""Where each noun's attributes, metrics, params and tags stand in the tables. The row of the noun has the alias `r`."""

from __future__ import annotations

from typing import NamedTuple

from runebook.search import vocabulary
from runebook.search.tree import Entity
from runebook.search.vocabulary import Noun


class AttributeColumn(NamedTuple):
    """An attribute as SQL. `words` are the choices that stand for the column's numbers."""

    sql: str
    nullable: bool = False
    words: dict[int, str] | None = None


class KeyedTable(NamedTuple):
    """A table of params or tags. Without `name_id` the key is a text column; without `number` there is none."""

    name: str
    owner: str
    key: str = "name_id"
    value: str = "value"
    number: str | None = "number"
    is_interned: bool = True


class NounTables(NamedTuple):
    """The tables of one noun. `summaries` have one row a metric, `points` one row a value of it."""

    noun: Noun
    table: str
    attributes: dict[str, AttributeColumn]
    keyed: dict[Entity, KeyedTable]
    experiment: str = "r.experiment_id"
    summaries: str | None = None
    points: str | None = None
    has_datasets: bool = False


_STAGES = dict(enumerate(vocabulary.LIFECYCLE_STAGES))


def _columns(*names: str, nullable: bool = False) -> dict[str, AttributeColumn]:
    return {name: AttributeColumn(f"r.{name}", nullable) for name in names}


RUN_TABLES = NounTables(
    noun=vocabulary.RUNS,
    table="runs",
    attributes={
        **_columns("run_id", "run_name", "user_id", "artifact_uri", "start_time", "experiment_id"),
        **_columns("end_time", nullable=True),
        "duration": AttributeColumn("(r.end_time - r.start_time)", nullable=True),
        "status": AttributeColumn("r.status", words=dict(enumerate(vocabulary.RUN_STATUSES, start=1))),
        "lifecycle_stage": AttributeColumn("r.lifecycle_stage", words=_STAGES),
    },
    keyed={"param": KeyedTable("params", "run"), "tag": KeyedTable("tags", "run")},
    summaries="metric_summaries",
    has_datasets=True,
)

EXPERIMENT_TABLES = NounTables(
    noun=vocabulary.EXPERIMENTS,
    table="experiments",
    attributes={
        **_columns("name", "artifact_location", "creation_time", "last_update_time"),
        "experiment_id": AttributeColumn("r.id"),
        "lifecycle_stage": AttributeColumn("r.lifecycle_stage", words=_STAGES),
    },
    keyed={"tag": KeyedTable("experiment_tags", "experiment_id", "tag_key", "tag_value", None, is_interned=False)},
    experiment="r.id",
)

LOGGED_MODEL_TABLES = NounTables(
    noun=vocabulary.LOGGED_MODELS,
    table="logged_models",
    attributes={
        **_columns("model_id", "name", "experiment_id", "artifact_location"),
        **_columns("creation_timestamp_ms", "last_updated_timestamp_ms"),
        **_columns("model_type", "source_run_id", "status_message", nullable=True),
        "status": AttributeColumn("r.status", words=dict(enumerate(vocabulary.LOGGED_MODEL_STATUSES))),
        "lifecycle_stage": AttributeColumn("r.lifecycle_stage", words=_STAGES),
    },
    keyed={"param": KeyedTable("logged_model_params", "model"), "tag": KeyedTable("logged_model_tags", "model")},
    points="logged_model_metrics",
)
