"""Operations on logged models."""

from __future__ import annotations

from runebook.api.operation import IdempotencyKey, Nothing, Operation
from runebook.api.permissions import edit, manage, read
from runebook.core.artifacts import FileInfo
from runebook.core.ids import ExperimentId, ModelId, RunId
from runebook.core.limits import DEFAULT_SEARCH_LOGGED_MODELS
from runebook.core.logged_models import LoggedModel, LoggedModelStatus
from runebook.core.params import Param
from runebook.core.records import Int64, Record
from runebook.core.tags import Tag


class DatasetFilter(Record):
    """Restricts metrics to those logged against a dataset; without a digest, against any of that name."""

    dataset_name: str
    dataset_digest: str | None = None


class LoggedModelOrderBy(Record):
    """One key of an order: an attribute, or `metrics.NAME`, of one dataset if that is given."""

    field_name: str
    ascending: bool = True
    dataset_name: str | None = None
    dataset_digest: str | None = None


class CreateLoggedModel(Operation, verb="POST", path="logged-models", needs=edit("experiment_id")):
    """Make a logged model, pending until its files are there."""

    experiment_id: ExperimentId
    name: str | None = None
    model_type: str | None = None
    source_run_id: str | None = None
    params: list[Param] = []
    tags: list[Tag] = []
    idempotency_key: IdempotencyKey = None

    class Reply(Record):
        model: LoggedModel


class GetLoggedModel(Operation, verb="GET", path="logged-models/{model_id}", needs=read("model_id")):
    """A logged model; a deleted one only when asked for."""

    model_id: ModelId
    allow_deleted: bool = False

    class Reply(Record):
        model: LoggedModel


class FinalizeLoggedModel(Operation, verb="PATCH", path="logged-models/{model_id}", needs=edit("model_id")):
    """Say whether a logged model's files are there."""

    model_id: ModelId
    status: LoggedModelStatus

    class Reply(Record):
        model: LoggedModel


class DeleteLoggedModel(Operation, verb="DELETE", path="logged-models/{model_id}", needs=manage("model_id")):
    """Move a logged model to the trash."""

    model_id: ModelId

    Reply = Nothing


class SetLoggedModelTags(Operation, verb="PATCH", path="logged-models/{model_id}/tags", needs=edit("model_id")):
    """Set tags of a logged model, or change their values."""

    model_id: ModelId
    tags: list[Tag] = []

    class Reply(Record):
        model: LoggedModel | None = None


class DeleteLoggedModelTag(
    Operation, verb="DELETE", path="logged-models/{model_id}/tags/{tag_key}", needs=edit("model_id")
):
    """Remove a tag of a logged model; a tag that is not there is an error."""

    model_id: ModelId
    tag_key: str

    Reply = Nothing


class LogLoggedModelParams(Operation, verb="POST", path="logged-models/{model_id}/params", needs=edit("model_id")):
    """Log params of a logged model, each written once."""

    model_id: ModelId
    params: list[Param] = []

    Reply = Nothing


class SearchLoggedModels(
    Operation, verb="POST", path="logged-models/search", needs=read("experiment_ids"), writes=False
):
    """Logged models of some experiments that match a filter, a page at a time; by default the newest first."""

    experiment_ids: list[ExperimentId]
    filter: str | None = None
    datasets: list[DatasetFilter] = []
    max_results: Int64 = DEFAULT_SEARCH_LOGGED_MODELS
    order_by: list[LoggedModelOrderBy] = []
    page_token: str | None = None

    class Reply(Record):
        models: list[LoggedModel] = []
        next_page_token: str | None = None


class ListLoggedModelArtifacts(
    Operation, verb="GET", path="logged-models/{model_id}/artifacts/directories", needs=read("model_id")
):
    """The files and folders of a logged model below a path."""

    model_id: ModelId
    artifact_directory_path: str | None = None
    page_token: str | None = None

    class Reply(Record):
        root_uri: str
        files: list[FileInfo] = []
        next_page_token: str | None = None


class LogModel(Operation, verb="POST", path="runs/log-model", needs=edit("run_id")):
    """Note a model of MLflow 2's kind on its run, in the tag `mlflow.log-model.history`."""

    run_id: RunId
    model_json: str

    Reply = Nothing
