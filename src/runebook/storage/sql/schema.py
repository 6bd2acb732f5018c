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

from enum import Enum
from typing import NamedTuple

SCHEMA_VERSION = 1

ACTIVE = 0
DELETED = 1
"""Values of `lifecycle_stage`."""

NEGATIVE_INFINITY = -1
FINITE = 0
POSITIVE_INFINITY = 1
NOT_A_NUMBER = 2
"""Values of the columns whose names end in `kind`."""

INDEXED_CHARACTERS = 250
"""So many characters of a long text are in its index: compare them first, through `Dialect.text_start`."""


class Type(Enum):
    """What a column holds."""

    ID = "an integer that the database counts up"
    PUBLIC_ID = "an ID that is never used twice, and may be 0"
    INT = "a signed integer of 64 bits"
    SMALL = "a small integer"
    DOUBLE = "a finite number of 64 bits"
    KEY = "text of limited length that can be indexed, compared by code point"
    TEXT = "text of any length, compared by code point"
    BYTES = "bytes of any length"


class Column(NamedTuple):
    """A column. `length` in characters belongs to KEY."""

    name: str
    type: Type
    length: int = 0
    nullable: bool = False


class Index(NamedTuple):
    """An index, named by its table and `name`.

    A column name with a leading "-" is in descending order; a TEXT column is indexed by its first characters.
    """

    name: str
    columns: tuple[str, ...]
    unique: bool = False


class Table(NamedTuple):
    """A table. A primary key other than one ID column clusters its rows where the database can."""

    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    indexes: tuple[Index, ...] = ()


def _id(name: str = "id") -> Column:
    return Column(name, Type.ID)


def _int(name: str, *, nullable: bool = False) -> Column:
    return Column(name, Type.INT, nullable=nullable)


def _small(name: str) -> Column:
    return Column(name, Type.SMALL)


def _double(name: str, *, nullable: bool = False) -> Column:
    return Column(name, Type.DOUBLE, nullable=nullable)


def _key(name: str, length: int, *, nullable: bool = False) -> Column:
    return Column(name, Type.KEY, length, nullable)


def _text(name: str, *, nullable: bool = False) -> Column:
    return Column(name, Type.TEXT, nullable=nullable)


def _bytes(name: str, *, nullable: bool = False) -> Column:
    return Column(name, Type.BYTES, nullable=nullable)


def _keyed_values(name: str, owner: str) -> Table:
    """Params or tags of runs or models. `number` is set when the value is a finite decimal number."""
    return Table(
        name,
        (_int(owner), _int("name_id"), _int("experiment_id"), _text("value"), _double("number", nullable=True)),
        primary_key=(owner, "name_id"),
        indexes=(
            Index("by_value", ("experiment_id", "name_id", "value")),
            Index("by_number", ("experiment_id", "name_id", "number")),
        ),
    )


EXPERIMENTS = (
    Table(
        "experiments",
        (
            Column("id", Type.PUBLIC_ID),
            _key("name", 500),
            _text("artifact_location"),
            _small("lifecycle_stage"),
            _int("creation_time"),
            _int("last_update_time"),
        ),
        primary_key=("id",),
        indexes=(Index("by_name", ("name",), unique=True),),
    ),
    Table(
        "experiment_tags",
        (_int("experiment_id"), _key("tag_key", 250), _text("tag_value")),
        primary_key=("experiment_id", "tag_key"),
    ),
)

RUNS = (
    Table("names", (_id(), _key("name", 250)), ("id",), (Index("by_name", ("name",), unique=True),)),
    Table(
        "runs",
        (
            _id(),
            _key("run_id", 256),
            _int("experiment_id"),
            _key("run_name", 500),
            _key("user_id", 256),
            _small("status"),
            _int("start_time"),
            _int("end_time", nullable=True),
            _small("lifecycle_stage"),
            _text("artifact_uri"),
            _int("deleted_time", nullable=True),
            _small("deleted_with_experiment"),
        ),
        primary_key=("id",),
        indexes=(
            Index("by_run_id", ("run_id",), unique=True),
            Index("by_start", ("experiment_id", "lifecycle_stage", "-start_time", "run_id")),
        ),
    ),
    _keyed_values("params", "run"),
    _keyed_values("tags", "run"),
)

METRICS = (
    Table(
        "metric_summaries",
        (
            _int("run"),
            _int("name_id"),
            _int("experiment_id"),
            _int("points"),
            _double("last_value"),
            _small("last_kind"),
            _int("last_step"),
            _int("last_time"),
            _double("min_value"),
            _small("min_kind"),
            _double("max_value"),
            _small("max_kind"),
            _double("first_value"),
            _small("first_kind"),
            _int("first_step"),
            _int("first_time"),
        ),
        primary_key=("run", "name_id"),
        indexes=(Index("by_last", ("experiment_id", "name_id", "last_kind", "last_value")),),
    ),
    # What appends leave. A folded frame of a named writer stays a week without its payload, to know a late repetition.
    Table(
        "metric_frames",
        (
            _id(),
            _int("run"),
            _key("writer", 64, nullable=True),
            _int("sequence"),
            _int("points"),
            _int("folded_time"),
            _bytes("payload", nullable=True),
        ),
        primary_key=("id",),
        indexes=(
            Index("by_writer", ("writer", "sequence"), unique=True),
            Index("by_run", ("folded_time", "run")),
        ),
    ),
    # Points of one series by time, step and value; chunk after chunk, disjoint. The steps are the lowest and highest.
    Table(
        "metric_chunks",
        (
            _int("run"),
            _int("name_id"),
            _int("number"),
            _int("first_step"),
            _int("last_step"),
            _int("first_time"),
            _int("last_time"),
            _int("points"),
            _bytes("payload"),
        ),
        primary_key=("run", "name_id", "number"),
    ),
)

DATASETS = (
    Table(
        "datasets",
        (
            _id(),
            _int("experiment_id"),
            _key("name", 500),
            _key("digest", 36),
            _key("source_type", 36),
            _text("source"),
            _text("schema", nullable=True),
            _text("profile", nullable=True),
        ),
        primary_key=("id",),
        indexes=(Index("by_name", ("experiment_id", "name", "digest"), unique=True),),
    ),
    Table(
        "inputs",
        (_id(), _int("run"), _int("dataset_id")),
        primary_key=("id",),
        indexes=(
            Index("by_run", ("run", "dataset_id"), unique=True),
            Index("by_dataset", ("dataset_id", "run")),
        ),
    ),
    Table(
        "input_tags",
        (_int("input_id"), _key("tag_key", 255), _key("tag_value", 500)),
        primary_key=("input_id", "tag_key"),
    ),
    Table(
        "model_inputs",
        (_id(), _int("run"), _key("model_id", 256)),
        primary_key=("id",),
        indexes=(Index("by_run", ("run", "model_id"), unique=True),),
    ),
    Table(
        "model_outputs",
        (_id(), _int("run"), _key("model_id", 256), _int("step")),
        primary_key=("id",),
        indexes=(Index("by_run", ("run", "model_id"), unique=True),),
    ),
)

LOGGED_MODELS = (
    Table(
        "logged_models",
        (
            _id(),
            _key("model_id", 256),
            _int("experiment_id"),
            _key("name", 500),
            _key("model_type", 500, nullable=True),
            _small("status"),
            _key("source_run_id", 256, nullable=True),
            _text("artifact_location"),
            _small("lifecycle_stage"),
            _text("status_message", nullable=True),
            _int("creation_timestamp_ms"),
            _int("last_updated_timestamp_ms"),
        ),
        primary_key=("id",),
        indexes=(
            Index("by_model_id", ("model_id",), unique=True),
            Index("by_creation", ("experiment_id", "lifecycle_stage", "-creation_timestamp_ms", "model_id")),
        ),
    ),
    _keyed_values("logged_model_params", "model"),
    _keyed_values("logged_model_tags", "model"),
    # One row a point; equal points collapse when read.
    Table(
        "logged_model_metrics",
        (
            _id(),
            _int("model"),
            _int("name_id"),
            _int("experiment_id"),
            _key("run_id", 256),
            _key("dataset_name", 500, nullable=True),
            _key("dataset_digest", 36, nullable=True),
            _int("step"),
            _int("time"),
            _double("value"),
            _small("kind"),
        ),
        primary_key=("id",),
        indexes=(
            Index("by_model", ("model", "name_id", "step", "time")),
            Index("by_value", ("experiment_id", "name_id", "kind", "value")),
        ),
    ),
)

UPKEEP = (
    Table(
        "idempotency_keys",
        (
            _key("operation", 64),
            _key("idempotency_key", 255),
            _bytes("request_digest"),
            _bytes("reply"),
            _int("created"),
        ),
        primary_key=("operation", "idempotency_key"),
        indexes=(Index("by_age", ("created",)),),
    ),
    # One row a finished migration; the highest is the version of the schema.
    Table("schema_version", (_int("version"), _key("name", 100), _int("applied")), primary_key=("version",)),
)

TABLES: tuple[Table, ...] = EXPERIMENTS + RUNS + METRICS + DATASETS + LOGGED_MODELS + UPKEEP
