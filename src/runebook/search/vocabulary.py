"""What can be searched for: the entities, attributes, aliases and default order of each noun."""

from __future__ import annotations

from typing import Literal

import msgspec

from runebook.search.tree import Comparison, Entity, Key, Node, Not, all_of, comparisons

AttributeKind = Literal["text", "integer", "identifier", "choice"]
"""How an attribute compares: as text, an integer, an integer that is also matched as text, or one of a few words."""


AGGREGATES = ("last", "min", "max", "first", "count")


class Attribute(msgspec.Struct, frozen=True):
    """`closed` refuses other words than the choices, where MLflow does."""

    name: str
    kind: AttributeKind = "text"
    choices: tuple[str, ...] = ()
    closed: bool = False


class OrderKey(msgspec.Struct, frozen=True):
    """One key of an order. A dataset restricts the metric of a logged model to what was measured on it."""

    key: Key
    ascending: bool = True
    dataset_name: str | None = None
    dataset_digest: str | None = None


class Noun(msgspec.Struct, frozen=True):
    """The vocabulary of one noun.

    `aliases` hold in filters, `order_aliases` in order_by. `default_order` is used where none is asked for, `ties` is
    appended to an order that was; both end in a unique key. `aggregates` are those of its metrics. `lenient_tags` are
    the tags for which `!=` also matches where the tag is missing. Without `numeric_tags`, tags compare as text alone.
    """

    name: str
    entities: dict[str, Entity]
    attributes: dict[str, Attribute]
    aliases: dict[str, str]
    order_aliases: dict[str, str]
    default_order: tuple[OrderKey, ...]
    ties: tuple[OrderKey, ...]
    orders_by: tuple[Entity, ...] = ("attribute",)
    aggregates: tuple[str, ...] = AGGREGATES
    lenient_tags: tuple[str, ...] = ()
    numeric_tags: bool = True


PROMPT_TAG = "mlflow.prompt.is_prompt"

_ATTRIBUTE: dict[str, Entity] = {"attribute": "attribute", "attributes": "attribute", "attr": "attribute"}
_TAG: dict[str, Entity] = {"tag": "tag", "tags": "tag"}
_METRIC: dict[str, Entity] = {"metric": "metric", "metrics": "metric"}
_PARAM: dict[str, Entity] = {"param": "param", "params": "param", "parameter": "param", "parameters": "param"}
_DATASET: dict[str, Entity] = {"dataset": "dataset", "datasets": "dataset"}

DATASET_KEYS = ("name", "digest", "context")
RUN_STATUSES = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")
LOGGED_MODEL_STATUSES = ("UNSPECIFIED", "PENDING", "READY", "FAILED")
LIFECYCLE_STAGES = ("active", "deleted")


def _attributes(*items: Attribute | str) -> dict[str, Attribute]:
    found = [Attribute(item) if isinstance(item, str) else item for item in items]
    return {item.name: item for item in found}


def _order(*names: str) -> tuple[OrderKey, ...]:
    """Order keys by attribute name; a leading minus makes one descending."""
    return tuple(OrderKey(Key("attribute", name.lstrip("-")), not name.startswith("-")) for name in names)


RUNS = Noun(
    name="runs",
    entities={**_ATTRIBUTE, "run": "attribute", **_METRIC, **_PARAM, **_TAG, **_DATASET},
    attributes=_attributes(
        "run_id",
        "run_name",
        "user_id",
        Attribute("status", "choice", RUN_STATUSES),
        "artifact_uri",
        Attribute("start_time", "integer"),
        Attribute("end_time", "integer"),
        Attribute("duration", "integer"),
        Attribute("experiment_id", "identifier"),
        Attribute("lifecycle_stage", "choice", LIFECYCLE_STAGES),
    ),
    aliases={
        "created": "start_time",
        "Created": "start_time",
        "run name": "run_name",
        "Run name": "run_name",
        "Run Name": "run_name",
    },
    order_aliases={"created": "start_time", "Created": "start_time"},
    default_order=_order("-start_time", "run_id"),
    ties=_order("-start_time", "run_id"),
    orders_by=("attribute", "metric", "param", "tag"),
)

EXPERIMENTS = Noun(
    name="experiments",
    entities={**_ATTRIBUTE, **_TAG},
    attributes=_attributes(
        "name",
        Attribute("experiment_id", "identifier"),
        Attribute("creation_time", "integer"),
        Attribute("last_update_time", "integer"),
        "artifact_location",
        Attribute("lifecycle_stage", "choice", LIFECYCLE_STAGES),
    ),
    aliases={},
    order_aliases={},
    default_order=_order("-creation_time", "experiment_id"),
    ties=_order("-experiment_id"),
    numeric_tags=False,
)

REGISTERED_MODELS = Noun(
    name="registered models",
    entities={**_ATTRIBUTE, **_TAG},
    attributes=_attributes(
        "name",
        Attribute("creation_timestamp", "integer"),
        Attribute("last_updated_timestamp", "integer"),
    ),
    aliases={"timestamp": "last_updated_timestamp"},
    order_aliases={"timestamp": "last_updated_timestamp"},
    default_order=_order("name"),
    ties=_order("name"),
    lenient_tags=(PROMPT_TAG,),
)

MODEL_VERSIONS = Noun(
    name="model versions",
    entities={**_ATTRIBUTE, **_TAG},
    attributes=_attributes(
        "name",
        "run_id",
        "source_path",
        Attribute("version_number", "integer"),
        Attribute("creation_timestamp", "integer"),
        Attribute("last_updated_timestamp", "integer"),
    ),
    aliases={},
    order_aliases={},
    default_order=_order("-last_updated_timestamp", "name", "-version_number"),
    ties=_order("name", "-version_number"),
)

_MODEL_TIMES = {
    "creation_time": "creation_timestamp_ms",
    "creation_timestamp": "creation_timestamp_ms",
    "last_updated_timestamp": "last_updated_timestamp_ms",
}

LOGGED_MODELS = Noun(
    name="logged models",
    entities={**_ATTRIBUTE, **_METRIC, **_PARAM, **_TAG},
    attributes=_attributes(
        "name",
        "model_id",
        "model_type",
        Attribute("status", "choice", LOGGED_MODEL_STATUSES, closed=True),
        "source_run_id",
        Attribute("experiment_id", "identifier"),
        "artifact_location",
        Attribute("lifecycle_stage", "choice", LIFECYCLE_STAGES),
        "status_message",
        Attribute("creation_timestamp_ms", "integer"),
        Attribute("last_updated_timestamp_ms", "integer"),
    ),
    aliases=_MODEL_TIMES,
    order_aliases=_MODEL_TIMES,
    default_order=_order("-creation_timestamp_ms", "model_id"),
    ties=_order("-creation_timestamp_ms", "model_id"),
    orders_by=("attribute", "metric"),
    aggregates=("last", "min", "max", "first"),
)


def is_numeric(key: Key, noun: Noun) -> bool:
    """Whether what the key means is a number: a metric or an integer."""
    if key.entity == "attribute":
        return noun.attributes[key.name].kind in ("integer", "identifier")
    return key.entity == "metric"


def without_prompts(tree: Node | None) -> Node | None:
    """The filter of registered models as a search runs it: prompts are left out unless it mentions their tag."""
    prompt = Key("tag", PROMPT_TAG)
    if any(comparison.key == prompt for comparison in comparisons(tree)):
        return tree
    models_only = Not(Comparison(prompt, "=", "true"))
    return models_only if tree is None else all_of([tree, models_only])
