"""Where Runebook answers plain HTTP otherwise than MLflow does, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .comparison import Deviation, answered, at, both, instead, without
from .wire_wordings import WIRE_WORDINGS

_INVALID = answered(400, "INVALID_PARAMETER_VALUE")
_MISSING = answered(404, "RESOURCE_DOES_NOT_EXIST")


def _all(reason: str, expected: dict[str, Callable[[Any], Any]]) -> dict[str, Deviation]:
    return {question: Deviation(reason, change) for question, change in expected.items()}


_BACKSLASHES = _all(
    "A backslash is refused in a path: it is a separator on some systems.",
    dict.fromkeys(
        [
            "artifacts: delete hostile ..%5c..%5cx",
            "artifacts: get hostile ..%5c..%5cx",
            "artifacts: list hostile a\\..\\..\\b",
            "artifacts: list served hostile a\\..\\..\\b",
            "artifacts: put hostile ..%5c..%5cx",
        ],
        _INVALID,
    ),
)

_EMPTY_FILES = _all(
    "An empty file has a size, which is 0.",
    {
        "artifacts: list ": at("body", "files", 2, "file_size", value=0),
        "artifacts: list after deletion": at("body", "files", 0, "file_size", value=0),
        "artifacts: list by uuid": at("body", "files", 2, "file_size", value=0),
        "artifacts: list served ": at("body", "files", 2, "file_size", value=0),
    },
)

_ABSENT = (
    _all(
        "There are no workspaces, so none is named.",
        {
            "experiments: get": without("body", "experiment", "workspace"),
            "experiments: get by name": without("body", "experiment", "workspace"),
            "experiments: get deleted": without("body", "experiment", "workspace"),
            "experiments: get tagged": without("body", "experiment", "workspace"),
            "experiments: search": both(
                without("body", "experiments", 0, "workspace"), without("body", "experiments", 1, "workspace")
            ),
            "experiments: search by get": without("body", "experiments", 0, "workspace"),
            "protocol: unknown query": without("body", "experiment", "workspace"),
        },
    )
    | _all(
        "A model's type and run are left out when there are none.",
        {
            "logged_models: model of little": both(
                without("body", "model", "info", "model_type"), without("body", "model", "info", "source_run_id")
            ),
            "logged_models: search models": both(
                *(
                    without("body", "models", index, "info", field)
                    for index in range(3)
                    for field in ("model_type", "source_run_id")
                )
            ),
        },
    )
    | _all(
        "A run looks the same when it is created as when it is read, and starts now unless told otherwise.",
        {
            "runs: run": at("body", "run", "outputs", value={}),
            "runs: run with time in a text": at("body", "run", "outputs", value={}),
            "runs: run of little": both(
                at("body", "run", "outputs", value={}), at("body", "run", "info", "start_time", value="<now>")
            ),
        },
    )
)

_REFUSED = _all(
    "What is incomplete, of a wrong type or out of range is refused, where MLflow stores an empty or other value.",
    dict.fromkeys(
        [
            "experiments: search past the end",
            "inputs: inputs of a nameless dataset",
            "inputs: inputs of an empty one",
            "inputs: model inputs without id",
            "logged_models: search models max 0",
            "metrics: metric of a boolean",
            "runs: batch of a text value",
            "runs: run with a bad tag",
            "runs: run with a keyless tag",
            "runs: run with a negative time",
        ],
        _INVALID,
    ),
) | _all(
    "A missing or malformed id is said to be that, and not looked for.",
    dict.fromkeys(
        [
            "runs: delete run by uuid",
            "runs: tag delete by uuid",
            "runs: read hostile",
            "runs: run of nothing",
            "spoiled: spoiled runs/create experiment_id an empty text",
            "spoiled: spoiled runs/create experiment_id missing",
            "spoiled: spoiled runs/create experiment_id null",
            "spoiled: spoiled runs/log-inputs run_id a text",
        ],
        _INVALID,
    ),
)

_CODES = _all(
    "Says what is the matter by a code of its own, where MLflow fails inside or in its database.",
    {
        "experiments: rename deleted": answered(400, "INVALID_STATE"),
        "experiments: rename to the taken": answered(400, "RESOURCE_ALREADY_EXISTS"),
        "logged_models: finalize deleted": _MISSING,
        "logged_models: model params changed": _INVALID,
        "metrics: metric of no model": _MISSING,
        "runs: search runs doubled order": _INVALID,
    },
)

_KEPT = _all(
    "Values are kept whole up to 64 KiB, tags of experiments too, which MLflow refuses beyond 20000 characters.",
    {
        "experiments: tag of 20001": instead({"status": 200, "body": {}}),
        "experiments: untag the long": instead({"status": 200, "body": {}}),
    },
) | _all(
    "Both infinities are kept; MLflow stores the largest finite number.",
    {
        "metrics: history of Infinity": at("body", "metrics", 0, "value", value="Infinity"),
        "metrics: metrics read": both(
            at("of Infinity", 0, value="Infinity"),
            at("of minus Infinity", 0, value="-Infinity"),
            without("of a boolean"),
        ),
    },
)

_HISTORY = '[{"artifact_path": "m", "flavors": {}, "utc_time_created": "2020-01-01", "run_id": "<run main>"}]'

_COMPLETE = _all(
    "A search returns the models that went into a run, as getting the run does.",
    {"inputs: search inputs": at("body", "runs", 0, "inputs", "model_inputs", value=[{"model_id": "m-unknown"}])},
)

_TAKEN = (
    _all(
        "What a model's record holds is kept as it was sent.",
        {
            "runs: read model history": at("body", "run", "data", "tags", 2, "value", value=_HISTORY),
            "runs: search runs": at("body", "runs", 0, "data", "tags", 2, "value", value=_HISTORY),
        },
    )
    | _all(
        "Media types are compared without regard to case.",
        {"protocol: content type APPLICATION/JSON": instead({"status": 200, "body": {}})},
    )
    | _all(
        "The model's id stands in the path, so the body need not repeat it.",
        {
            "logged_models: finalize without id": instead({"status": 200}),
            "logged_models: model params without id": instead({"status": 200, "body": {}}),
            "spoiled: spoiled logged-models model_id missing": instead({"status": 200}),
            "spoiled: spoiled logged-models model_id null": instead({"status": 200}),
        },
    )
    | _all(
        "A body that names another model than its path contradicts itself; MLflow goes by the body.",
        {"spoiled: spoiled logged-models model_id a text": _INVALID},
    )
    | _all(
        "A list or a number that is null is one that was not sent.",
        {
            "spoiled: spoiled runs/log-batch params null": instead({"status": 200}),
            "spoiled: spoiled runs/search max_results null": instead({"status": 200}),
        },
    )
)

WIRE_DEVIATIONS = WIRE_WORDINGS | _BACKSLASHES | _EMPTY_FILES | _ABSENT | _REFUSED | _CODES | _KEPT | _COMPLETE | _TAKEN


def follows_a_rule(question: str, mlflow: Any, runebook: Any) -> bool:
    """Whether the answers differ by one of the three rules that need no list."""
    if "status" not in mlflow or "status" not in runebook:
        return False
    refused = runebook["status"] == 400 and runebook.get("error_code") == "INVALID_PARAMETER_VALUE"
    if question.startswith("spoiled:") and refused and mlflow["status"] in (200, 500):
        # MLflow drops a field of a wrong type, and whatever follows it, or breaks down; Runebook writes nothing.
        return True
    if mlflow == {"status": 500} and refused:
        # MLflow breaks down over the request; Runebook says what is wrong with it.
        return True
    # MLflow answers with a page for people; Runebook with the same status and an error that programs can read.
    return bool(mlflow["status"] >= 400 and mlflow == {"status": runebook["status"]} and runebook.get("error_code"))
