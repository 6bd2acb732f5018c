"""The rules for names and values that clients choose, each with the error that says how to keep it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from runebook.core import limits
from runebook.core.errors import InvalidParameterValue
from runebook.core.ids import RUN_ID_PATTERN
from runebook.core.metrics import Metric
from runebook.core.tags import Tag

_KEY = re.compile(r"[/\w.\- :]+")
_LOGGED_MODEL_NAME_FORBIDDEN = re.compile(r"""[/:.%"']""")

SEE_DOCS = "See the API docs for more information about request parameters."


def invalid(value: object, path: str, reason: str) -> InvalidParameterValue:
    """An error about one field, with what was sent (cut when long)."""
    shown = f"{value!r}" if not isinstance(value, str) else f'"{value}"'
    if len(shown) > 200:
        shown = shown[:200] + "..."
    return InvalidParameterValue(f"Invalid value {shown} for parameter '{path}' supplied: {reason}")


def missing(path: str) -> InvalidParameterValue:
    """The error of a required field that is not there."""
    return InvalidParameterValue(f"Missing value for required parameter '{path}'. {SEE_DOCS}")


def check_key(key: str, path: str) -> None:
    """The key of a param, metric or tag: up to 250 of word characters, `/.-:` and spaces, a normal relative path."""
    if not key:
        raise missing(path)
    if len(key) > limits.MAX_KEY_LENGTH:
        raise invalid(key, path, f"It has {len(key)} characters; at most {limits.MAX_KEY_LENGTH} are allowed.")
    if not _KEY.fullmatch(key):
        raise invalid(
            key,
            path,
            "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colons (:) "
            "and slashes (/).",
        )
    if key == "." or posixpath.normpath(key) != key or key.startswith(("/", "..")):
        raise invalid(
            key,
            path,
            "Names may be treated as files in certain cases, and must not resolve to other names when treated as such. "
            f"This name would resolve to {posixpath.normpath(key)!r}.",
        )


def check_value(value: str, path: str, *, limit: int = limits.MAX_VALUE_BYTES) -> None:
    """The value of a param or tag: kept whole up to 64 KiB of UTF-8, refused beyond."""
    check_text(value, path)
    if len(value) * 4 > limit and (size := len(value.encode())) > limit:
        raise invalid(
            value,
            path,
            f"It has {size} bytes; at most {limit} are allowed. Log a longer text as an artifact (log_text).",
        )


def check_text(text: str, path: str, *, max_length: int | None = None, required: bool = False) -> None:
    """A text that every store can keep: no NUL, no lone surrogate, not longer than its limit."""
    if required and not text:
        raise missing(path)
    if max_length is not None and len(text) > max_length:
        raise invalid(text, path, f"It has {len(text)} characters; at most {max_length} are allowed.")
    if "\0" in text:
        raise invalid(text, path, "It holds a NUL character, which stores cannot keep.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise invalid(text, path, "It holds a lone surrogate, which is no valid Unicode text.") from None


def check_int64(value: int, path: str, *, at_least: int = limits.MIN_INT64) -> None:
    """Steps are signed 64-bit integers; times are not negative."""
    if not at_least <= value <= limits.MAX_INT64:
        raise invalid(value, path, f"It must lie between {at_least} and {limits.MAX_INT64}.")


def check_count(value: int, path: str, *, at_most: int) -> None:
    """How many items a page may hold."""
    if not 1 <= value <= at_most:
        raise invalid(value, path, f"It must be at least 1 and at most {at_most}.")


def check_list_length(items: Sequence[object], path: str, *, at_most: int) -> None:
    if len(items) > at_most:
        raise InvalidParameterValue(f"'{path}' holds {len(items)} items; at most {at_most} are allowed in one request.")


def check_run_id(run_id: str, path: str = "run_id") -> None:
    if not RUN_ID_PATTERN.fullmatch(run_id):
        raise invalid(
            run_id, path, "A run id starts with a letter or digit and has up to 256 letters, digits, `_` and `-`."
        )


def check_experiment_id(experiment_id: str) -> None:
    """Raises MLflow's error for an id that is no decimal number."""
    if not (experiment_id.isascii() and experiment_id.isdigit() and len(experiment_id) < 20):
        raise InvalidParameterValue(
            f"Invalid experiment ID '{experiment_id[:100]}'. Experiment ID must be a valid integer."
        )


def check_experiment_name(name: str, path: str) -> None:
    check_text(name, path, max_length=limits.MAX_EXPERIMENT_NAME_LENGTH)
    if not name.strip():
        raise invalid(name, path, "An experiment name must not be empty.")


def check_logged_model_name(name: str, path: str) -> None:
    check_text(name, path, max_length=limits.MAX_LOGGED_MODEL_NAME_LENGTH)
    if not name or _LOGGED_MODEL_NAME_FORBIDDEN.search(name):
        raise invalid(name, path, "Model name must be a non-empty string and cannot contain / : . % \" '")


def check_tags(tags: Sequence[Tag], path: str = "tags") -> None:
    for number, tag in enumerate(tags):
        check_key(tag.key, f"{path}[{number}].key")
        check_value(tag.value, f"{path}[{number}].value")


def check_metrics(metrics: Sequence[Metric], path: str = "metrics") -> None:
    for number, metric in enumerate(metrics):
        check_metric(metric, f"{path}[{number}].")


def check_metric(metric: Metric, prefix: str = "") -> None:
    """Key, time, step and dataset of a point."""
    check_key(metric.key, f"{prefix}key")
    check_int64(metric.timestamp, f"{prefix}timestamp", at_least=0)
    check_int64(metric.step, f"{prefix}step")
    if (metric.dataset_name is None) != (metric.dataset_digest is None):
        absent = "dataset_digest" if metric.dataset_digest is None else "dataset_name"
        raise invalid(None, f"{prefix}{absent}", "A dataset is named by both dataset_name and dataset_digest.")
    if metric.dataset_name is not None:
        check_text(metric.dataset_name, f"{prefix}dataset_name", max_length=limits.MAX_DATASET_NAME_LENGTH)
    if metric.dataset_digest is not None:
        check_text(metric.dataset_digest, f"{prefix}dataset_digest", max_length=limits.MAX_DATASET_DIGEST_LENGTH)
