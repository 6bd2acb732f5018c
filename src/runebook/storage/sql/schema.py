"""The tables, as data; `dialects` turns them into DDL and statements.

Rows refer to runs, experiments, datasets, models and names by integers. `names` interns the keys of metrics, params
and tags. There are no foreign keys: every statement that adds rows resolves its references in the same transaction,
and a check of the parent row on each insert would make concurrent writers of one run wait for each other.

A metric's value is a number and a kind, because MariaDB and SQL Server hold neither NaN nor infinities:
the number is 0 unless the kind is FINITE. Ordered by (kind, number), values stand as `-inf < finite < inf < NaN`.

`schema`, `first_value` and `last_value` are reserved words in MySQL: quote them ("last_value") or write them behind a
table's alias (s.last_value). Quotes are double quotes everywhere.
"""

from __future__ import annotations

from runebook.storage.sql.tables import (
    Column,
    Index,
    Table,
    Type,
    blob,
    counted,
    double,
    integer,
    key,
    keyed_values,
    small,
    text,
)

SCHEMA_VERSION = 2

ACTIVE = 0
DELETED = 1
"""Values of `lifecycle_stage`."""

NEGATIVE_INFINITY = -1
FINITE = 0
POSITIVE_INFINITY = 1
NOT_A_NUMBER = 2
"""Values of the columns whose names end in `kind`."""

EXPERIMENTS = (
    Table(
        "experiments",
        (
            Column("id", Type.PUBLIC_ID),
            key("name", 500),
            text("artifact_location"),
            small("lifecycle_stage"),
            integer("creation_time"),
            integer("last_update_time"),
        ),
        primary_key=("id",),
        indexes=(Index("by_name", ("name",), unique=True),),
    ),
    Table(
        "experiment_tags",
        (integer("experiment_id"), key("tag_key", 250), text("tag_value")),
        primary_key=("experiment_id", "tag_key"),
    ),
)

RUNS = (
    Table("names", (counted(), key("name", 250)), ("id",), (Index("by_name", ("name",), unique=True),)),
    Table(
        "runs",
        (
            counted(),
            key("run_id", 256),
            integer("experiment_id"),
            key("run_name", 500),
            key("user_id", 256),
            small("status"),
            integer("start_time"),
            integer("end_time", nullable=True),
            small("lifecycle_stage"),
            text("artifact_uri"),
            integer("deleted_time", nullable=True),
            small("deleted_with_experiment"),
        ),
        primary_key=("id",),
        indexes=(
            Index("by_run_id", ("run_id",), unique=True),
            Index("by_start", ("experiment_id", "lifecycle_stage", "-start_time", "run_id")),
        ),
    ),
    keyed_values("params", "run"),
    keyed_values("tags", "run"),
)

METRICS = (
    Table(
        "metric_summaries",
        (
            integer("run"),
            integer("name_id"),
            integer("experiment_id"),
            integer("points"),
            double("last_value"),
            small("last_kind"),
            integer("last_step"),
            integer("last_time"),
            double("min_value"),
            small("min_kind"),
            double("max_value"),
            small("max_kind"),
            double("first_value"),
            small("first_kind"),
            integer("first_step"),
            integer("first_time"),
        ),
        primary_key=("run", "name_id"),
        indexes=(Index("by_last", ("experiment_id", "name_id", "last_kind", "last_value")),),
    ),
    # What appends leave: a row has all points that one transaction added to a run. A fold deletes it.
    Table(
        "metric_frames",
        (counted(), integer("run"), integer("points"), blob("payload")),
        primary_key=("id",),
        indexes=(Index("by_run", ("run",)),),
    ),
    # Points of one series by time, step and value; chunk after chunk, disjoint. The steps are the lowest and highest.
    Table(
        "metric_chunks",
        (
            integer("run"),
            integer("name_id"),
            integer("number"),
            integer("first_step"),
            integer("last_step"),
            integer("first_time"),
            integer("last_time"),
            integer("points"),
            blob("payload"),
        ),
        primary_key=("run", "name_id", "number"),
    ),
)

DATASETS = (
    Table(
        "datasets",
        (
            counted(),
            integer("experiment_id"),
            key("name", 500),
            key("digest", 36),
            key("source_type", 36),
            text("source"),
            text("schema", nullable=True),
            text("profile", nullable=True),
        ),
        primary_key=("id",),
        indexes=(Index("by_name", ("experiment_id", "name", "digest"), unique=True),),
    ),
    Table(
        "inputs",
        (counted(), integer("run"), integer("dataset_id")),
        primary_key=("id",),
        indexes=(
            Index("by_run", ("run", "dataset_id"), unique=True),
            Index("by_dataset", ("dataset_id", "run")),
        ),
    ),
    Table(
        "input_tags",
        (integer("input_id"), key("tag_key", 255), key("tag_value", 500)),
        primary_key=("input_id", "tag_key"),
    ),
    Table(
        "model_inputs",
        (counted(), integer("run"), key("model_id", 256)),
        primary_key=("id",),
        indexes=(Index("by_run", ("run", "model_id"), unique=True),),
    ),
    Table(
        "model_outputs",
        (counted(), integer("run"), key("model_id", 256), integer("step")),
        primary_key=("id",),
        indexes=(Index("by_run", ("run", "model_id"), unique=True),),
    ),
)

LOGGED_MODELS = (
    Table(
        "logged_models",
        (
            counted(),
            key("model_id", 256),
            integer("experiment_id"),
            key("name", 500),
            key("model_type", 500, nullable=True),
            small("status"),
            key("source_run_id", 256, nullable=True),
            text("artifact_location"),
            small("lifecycle_stage"),
            text("status_message", nullable=True),
            integer("creation_timestamp_ms"),
            integer("last_updated_timestamp_ms"),
        ),
        primary_key=("id",),
        indexes=(
            Index("by_model_id", ("model_id",), unique=True),
            Index("by_creation", ("experiment_id", "lifecycle_stage", "-creation_timestamp_ms", "model_id")),
        ),
    ),
    keyed_values("logged_model_params", "model"),
    keyed_values("logged_model_tags", "model"),
    # One row a point; equal points collapse when read.
    Table(
        "logged_model_metrics",
        (
            counted(),
            integer("model"),
            integer("name_id"),
            integer("experiment_id"),
            key("run_id", 256),
            key("dataset_name", 500, nullable=True),
            key("dataset_digest", 36, nullable=True),
            integer("step"),
            integer("time"),
            double("value"),
            small("kind"),
        ),
        primary_key=("id",),
        indexes=(
            Index("by_model", ("model", "name_id", "step", "time")),
            Index("by_value", ("experiment_id", "name_id", "kind", "value")),
        ),
    ),
)

WRITERS = (
    # How far the store has come with what a writer ships.
    Table(
        "writers",
        (key("writer", 64), integer("sequence"), integer("updated")),
        primary_key=("writer",),
        indexes=(Index("by_age", ("updated",)),),
    ),
    # Who is at work on a run that has not ended.
    Table(
        "leases",
        (integer("run"), key("writer", 64), integer("until")),
        primary_key=("run", "writer"),
        indexes=(Index("by_until", ("until",)),),
    ),
)

UPKEEP = (
    Table(
        "idempotency_keys",
        (
            key("operation", 64),
            key("idempotency_key", 255),
            blob("request_digest"),
            blob("reply"),
            integer("created"),
        ),
        primary_key=("operation", "idempotency_key"),
        indexes=(Index("by_age", ("created",)),),
    ),
    # One row a finished migration; the highest is the version of the schema.
    Table("schema_version", (integer("version"), key("name", 100), integer("applied")), primary_key=("version",)),
)

TABLES: tuple[Table, ...] = EXPERIMENTS + RUNS + METRICS + DATASETS + LOGGED_MODELS + WRITERS + UPKEEP
