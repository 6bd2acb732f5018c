"""Operations on experiments."""

from __future__ import annotations

from runebook.api.operation import Family, IdempotencyKey, Nothing, Operation
from runebook.api.permissions import SIGNED_IN, edit, manage, read
from runebook.core.datasets import DatasetSummary
from runebook.core.experiments import Experiment, ViewType
from runebook.core.ids import ExperimentId
from runebook.core.records import Int64, Record
from runebook.core.tags import Tag


class CreateExperiment(Operation, verb="POST", path="experiments/create", needs=SIGNED_IN):
    """Make an experiment; its name must not be taken, not even by a deleted one."""

    name: str
    artifact_location: str | None = None
    tags: list[Tag] = []
    idempotency_key: IdempotencyKey = None

    class Reply(Record):
        experiment_id: ExperimentId


class GetExperiment(Operation, verb="GET", path="experiments/get", needs=read("experiment_id")):
    """An experiment by id, deleted ones included."""

    experiment_id: ExperimentId

    class Reply(Record):
        experiment: Experiment


class GetExperimentByName(Operation, verb="GET", path="experiments/get-by-name", needs=read("experiment_name")):
    """An experiment by name, deleted ones included."""

    experiment_name: str

    class Reply(Record):
        experiment: Experiment


class SearchExperiments(Operation, verb=("POST", "GET"), path="experiments/search", needs=SIGNED_IN, writes=False):
    """Experiments that match a filter, a page at a time; by default the newest first."""

    max_results: Int64
    page_token: str | None = None
    filter: str | None = None
    order_by: list[str] = []
    view_type: ViewType = ViewType.ACTIVE_ONLY

    class Reply(Record):
        experiments: list[Experiment] = []
        next_page_token: str | None = None


class UpdateExperiment(Operation, verb="POST", path="experiments/update", needs=edit("experiment_id")):
    """Rename an experiment that is not deleted."""

    experiment_id: ExperimentId
    new_name: str

    Reply = Nothing


class DeleteExperiment(Operation, verb="POST", path="experiments/delete", needs=manage("experiment_id")):
    """Move an experiment and its active runs to the trash."""

    experiment_id: ExperimentId

    Reply = Nothing


class RestoreExperiment(Operation, verb="POST", path="experiments/restore", needs=manage("experiment_id")):
    """Bring an experiment back from the trash, with the runs that went there with it."""

    experiment_id: ExperimentId

    Reply = Nothing


class SetExperimentTag(Operation, verb="POST", path="experiments/set-experiment-tag", needs=edit("experiment_id")):
    """Set a tag of an experiment, or change its value."""

    experiment_id: ExperimentId
    key: str
    value: str = ""

    Reply = Nothing


class DeleteExperimentTag(
    Operation, verb="POST", path="experiments/delete-experiment-tag", needs=edit("experiment_id")
):
    """Remove a tag of an experiment; a tag that is not there is an error."""

    experiment_id: ExperimentId
    key: str

    Reply = Nothing


class SearchDatasets(
    Operation,
    verb="POST",
    path="experiments/search-datasets",
    needs=read("experiment_ids"),
    family=Family.MLFLOW_2,
    writes=False,
):
    """The datasets that the runs of some experiments took in, with the contexts they were used in."""

    experiment_ids: list[ExperimentId]

    class Reply(Record):
        dataset_summaries: list[DatasetSummary] = []
