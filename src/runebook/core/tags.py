"""Tags: keys and values that may change; and the keys that have a meaning of their own."""

from __future__ import annotations

from runebook.core.records import Record


class Tag(Record):
    """A tag of a run, an experiment, an input or a logged model."""

    key: str
    value: str


RUN_NAME = "mlflow.runName"
USER = "mlflow.user"
SOURCE_NAME = "mlflow.source.name"
SOURCE_TYPE = "mlflow.source.type"
GIT_COMMIT = "mlflow.source.git.commit"
GIT_BRANCH = "mlflow.source.git.branch"
GIT_REPO_URL = "mlflow.source.git.repoURL"
GIT_DIRTY = "mlflow.source.git.dirty"
GIT_DIFF = "mlflow.source.git.diff"
NOTE = "mlflow.note.content"
PARENT_RUN_ID = "mlflow.parentRunId"
DATA_CONTEXT = "mlflow.data.context"
LOG_MODEL_HISTORY = "mlflow.log-model.history"
ARTIFACT_LOCATION = "mlflow.artifactLocation"
LOGGED_ARTIFACTS = "mlflow.loggedArtifacts"

COMMAND = "runebook.source.command"
PYTHON_VERSION = "runebook.python.version"
PLATFORM = "runebook.platform"
HOSTNAME = "runebook.hostname"

RUN_ID = "runebook.run_id"
"""The id that a run was started with away from an MLflow server, which gave it another."""

END_REASON = "runebook.end_reason"
LEASE_EXPIRED = "lease expired"
"""Why a run ended, where it did not say so itself: its writers fell silent."""

IMMUTABLE = frozenset({USER, ARTIFACT_LOCATION})
"""Keys whose value is fixed when the run is made; clients refuse to set or delete them."""
