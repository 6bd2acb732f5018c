"""Where Runebook answers MLflow's clients otherwise than MLflow does, and why."""

from __future__ import annotations

from typing import Any

from .client_wordings import CLIENT_WORDINGS
from .comparison import Deviation, at, both, instead, refused


def _kept(letters: int) -> str:
    """A long value as the scenario notes it."""
    return f"{'v' * 40}... ({letters} characters, sum {letters * ord('v')})"


def _all(reason: str, expected: dict[str, Any]) -> dict[str, Deviation]:
    return {question: Deviation(reason, change) for question, change in expected.items()}


_WHOLE = both(
    at("answer", "data", "params", "longer", value=_kept(6001)),
    at("answer", "data", "tags", "long", value=_kept(8001)),
)

_VALUES = _all(
    "Values are kept whole up to 64 KiB; MLflow cuts params at 6000 and tags at 8000 characters.",
    {
        "param of 6001 read": instead({"answer": 6001}),
        "tag of 8001 read": instead({"answer": 8001}),
        "updated": _WHOLE,
        "run at the end": _WHOLE,
    },
) | _all(
    "Both infinities are kept; MLflow stores the largest finite number.",
    {
        "read history of inf": at("answer", "items", 0, "value", value="inf"),
        "read history of minus inf": at("answer", "items", 0, "value", value="-inf"),
        "read history of mixed": at("answer", "items", 0, "value", value="inf"),
        "read run": both(
            at("answer", "data", "metrics", "inf", value="inf"),
            at("answer", "data", "metrics", "minus inf", value="-inf"),
        ),
    },
)

_LIFECYCLE = _all(
    "Restoring an experiment brings back the runs that were deleted with it, not those deleted before.",
    {"thrown run of restored": instead({"answer": "deleted"})},
) | _all(
    "What is deleted is not changed.",
    {"finalize deleted model": refused("RESOURCE_DOES_NOT_EXIST")},
)

_COMPLETE = _all(
    "A search returns the models that went into a run, as getting the run does.",
    {"model inputs searched": at("answer", "model_inputs", value=[{"model_id": "<model 1>"}])},
) | _all(
    "An empty file has a size, which is 0.",
    {
        "list tree": at("answer", 1, "file_size", value=0),
        "fluent list by uri": at("answer", 1, "file_size", value=0),
        "model artifacts in None": at("answer", 1, "file_size", value=0),
    },
)

_CODES = _all(
    "A key or name that breaks the rules is refused wherever it is sent.",
    {
        "model of no name": refused("INVALID_PARAMETER_VALUE"),
        "run of a bad tag": refused("INVALID_PARAMETER_VALUE"),
    },
) | _all(
    "Says what is the matter by a code of its own, where MLflow fails inside or in its database.",
    {
        "rename deleted": refused("INVALID_STATE"),
        "rename to the taken": refused("RESOURCE_ALREADY_EXISTS"),
        "metric of no model": refused("RESOURCE_DOES_NOT_EXIST"),
        "model outputs of another step": refused("INVALID_PARAMETER_VALUE"),
        "model params changed": refused("INVALID_PARAMETER_VALUE"),
        "model params again": instead({"answer": None}),
    },
)

_SEARCH = _all(
    "The filter language has OR, NOT, parentheses, numbers in params, IN for params, and more attributes.",
    {
        "runs with or": instead({"answer": ["run 4", "run 3", "run 2", "run 1", "run 0"]}),
        "runs with not": instead({"answer": ["run 0"]}),
        "runs with parentheses": instead({"answer": ["run 4", "run 3", "run 2", "run 1"]}),
        "runs with param in": instead({"answer": ["run 3", "run 0"]}),
        "runs with param number": instead({"answer": ["run 4", "run 2", "run 1"]}),
        "runs with unknown attribute": instead({"answer": []}),
        "search bad key": instead({"answer": {"items": [], "more": False}}),
        "search or": instead({"answer": {"items": [], "more": False}}),
        "models with or": instead({"answer": ["search 2", "search 1"]}),
    },
) | _all(
    "One filter language for all nouns: logged models, too, take singular entities and double quotes.",
    {
        "models with bad entity": instead({"answer": ["search 3", "search 2"]}),
        "models with double quotes": instead({"answer": ["search 1"]}),
    },
)

CLIENT_DEVIATIONS = CLIENT_WORDINGS | _VALUES | _LIFECYCLE | _COMPLETE | _CODES | _SEARCH
