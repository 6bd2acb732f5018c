"""What a storage backend promises: one Protocol per noun, and the transaction that they share.

A backend does all of it. Records are values; ids are the public ones. Nothing here knows SQL or files.
`runebook.testing` holds the contract suites that every backend passes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Generic, NamedTuple, Protocol, TypeVar

from msgspec import Struct

from runebook.core.columns import Columns
from runebook.core.datasets import DatasetInput, DatasetSummary, ModelInput, ModelOutput
from runebook.core.experiments import Experiment, LifecycleStage, ViewType
from runebook.core.ids import ExperimentId, RunId
from runebook.core.logged_models import LoggedModel, LoggedModelInfo, LoggedModelStatus
from runebook.core.metrics import Metric, Point
from runebook.core.params import Param
from runebook.core.runs import Run, RunInfo, RunStatus
from runebook.core.tags import Tag
from runebook.storage.writers import LeaseStore, WriterStore

ItemT = TypeVar("ItemT")


class Page(Struct, Generic[ItemT], frozen=True):
    """Items in order, and the token of the next page when there is one."""

    items: list[ItemT]
    next_token: str | None


class HistoryPage(NamedTuple):
    """Points of one metric in order, and the token of the next page when there is one."""

    items: Sequence[Metric]
    next_token: str | None


class SearchQuery(NamedTuple):
    """A search as the caller asked it. The filter and order are texts; each backend hands them to `runebook.search`."""

    filter: str
    order_by: Sequence[str]
    view: ViewType
    max_results: int
    page_token: str | None


class LoggedModelQuery(NamedTuple):
    """A search of logged models: its order and its metrics may be bound to a dataset (name, digest or None for any)."""

    filter: str
    order_by: Sequence[LoggedModelOrder]
    datasets: Sequence[tuple[str, str | None]]
    max_results: int
    page_token: str | None


class LoggedModelOrder(NamedTuple):
    """One key of an order of logged models."""

    field_name: str
    ascending: bool
    dataset_name: str | None
    dataset_digest: str | None


class ExperimentStore(Protocol):
    """Experiments and their tags. Ids are decimal numbers as text, "0" the default experiment, which always exists."""

    def create(
        self, name: str, artifact_location: str | None, artifact_root: str, tags: Sequence[Tag], now_ms: int
    ) -> ExperimentId:
        """Make an experiment; without a location it gets `<artifact_root>/<its id>`.

        Raises:
            AlreadyExists: the name is taken, be it by a deleted experiment.

        """

    def get(self, experiment_id: str) -> Experiment:
        """Raises NotFound: there is none, deleted ones included; InvalidParameterValue: the id is no number."""

    def get_by_name(self, name: str) -> Experiment | None: ...

    def rename(self, experiment_id: str, new_name: str, now_ms: int) -> None:
        """Raises NotFound; AlreadyExists: another experiment has the name."""

    def set_stage(self, experiment_id: str, stage: LifecycleStage, now_ms: int) -> None:
        """Move an experiment to the trash or back, with its runs.

        To the trash go its active runs; back come those that went with it, not those deleted before.
        """

    def set_tag(self, experiment_id: str, tag: Tag, now_ms: int) -> None: ...

    def delete_tag(self, experiment_id: str, key: str, now_ms: int) -> None:
        """Raises NotFound: the experiment has no such tag."""

    def search(self, query: SearchQuery) -> Page[Experiment]: ...


class NewRun(NamedTuple):
    """A run to be made."""

    run_id: RunId
    experiment_id: ExperimentId
    run_name: str
    user_id: str
    start_time: int
    artifact_uri: str
    status: RunStatus
    tags: Sequence[Tag]


class RunStore(Protocol):
    """Runs, without what they logged; and the searches that show it."""

    def create(self, new_runs: Sequence[NewRun]) -> None:
        """Make runs in experiments that the caller found active, in a constant number of statements.

        Raises:
            NotFound: no such experiment.
            AlreadyExists: a run id is taken.
            TransactionConflict: an experiment went to the trash meanwhile.

        """

    def get_info(self, run_id: str) -> RunInfo:
        """Raises NotFound: there is none, deleted ones included."""

    def locked(self, run_ids: Iterable[str], keys: Iterable[str] = ()) -> dict[str, RunInfo]:
        """The infos of those that exist, deleted ones included, asked together.

        No other transaction changes these runs or adds to them before this one ends. Whoever needs several runs asks
        for all of them at once, and names the keys of what it will log, as locks are taken in one order.
        """

    def get(self, run_id: str) -> Run:
        """A run with all that it logged, in the order of keys. Raises NotFound."""

    def update(
        self,
        run_id: str,
        *,
        status: RunStatus | None = None,
        end_time: int | None = None,
        run_name: str | None = None,
    ) -> None:
        """Change what is given; None leaves as it is. Raises NotFound."""

    def save(self, infos: Collection[RunInfo]) -> None:
        """Write the status, end time and name of runs that the caller has locked, in one statement."""

    def set_stage(self, run_id: str, stage: LifecycleStage, now_ms: int) -> None:
        """Move a run to the trash or back; what is there already stays. Raises NotFound."""

    def search(self, experiment_ids: Sequence[str], query: SearchQuery) -> Page[Run]:
        """Runs with all that they logged, in a constant number of statements. Unknown experiments hold no runs."""


class ParamConflict(NamedTuple):
    """A param that the run has already, with another value."""

    param: Param
    value: str
    """The value that is there."""


class ParamStore(Protocol):
    """Params of runs, each written once."""

    def add(self, params: Mapping[str, Sequence[Param]]) -> dict[str, list[ParamConflict]]:
        """Add params to runs that the caller has locked, by run id, in a constant number of statements.

        One that is there with the same value is left. A run of which any param is there with another value (or twice
        among the new ones, with two values) gets none of its params; its conflicts are returned.

        Raises:
            NotFound: there is no such run; nothing is added.

        """


class TagStore(Protocol):
    """Tags of runs."""

    def set(self, tags: Mapping[str, Sequence[Tag]]) -> None:
        """Set tags of runs by run id; of equal keys the last counts. The names of runs are the caller's business.

        Raises:
            NotFound: there is no such run; nothing is set.

        """

    def get(self, run_id: str, key: str) -> str | None: ...

    def delete(self, run_id: str, key: str) -> None:
        """Raises NotFound: the run has no such tag."""


class Series(NamedTuple):
    """Points of one metric that are added to a run."""

    key: str
    points: Columns
    model_id: str | None = None
    """The logged model that they are metrics of, too."""
    dataset_name: str | None = None
    dataset_digest: str | None = None


class MetricStore(Protocol):
    """Append-only series of points, one per run and key, and their summaries.

    Points equal in step, time and value (NaN equals NaN) are one point to all readers.
    """

    def append(self, series: Mapping[str, Sequence[Series]]) -> None:
        """Add points to runs that the caller has locked, by run id, and bring the summaries up to date.

        A constant number of statements, whatever the number of runs, keys and points.

        Raises:
            NotFound: there is no such run or logged model; nothing is added.

        """

    def history(
        self, run_id: str, key: str, *, max_results: int | None = None, page_token: str | None = None
    ) -> HistoryPage:
        """Points by time, then step, then value (NaN last). An unknown run or key has none.

        Whether a point says which dataset it was measured on is up to the backend: only logged models keep that.
        """

    def steps(self, run_id: str, key: str, start_step: int | None, end_step: int | None) -> list[int]:
        """The distinct steps of a series in order, both bounds inclusive."""

    def points_at(self, run_id: str, key: str, steps: Iterable[int]) -> list[Point]:
        """All points at the given steps, by step, then time, then value."""

    def fold(self, run_id: str, *, at_least: int = 1) -> int:
        """Turn the frames that appends left into chunks per key; readers see no difference.

        Returns the frames folded: none of a run that has fewer than `at_least`, and of a run that has very much to
        fold a part or none, as others wait for this transaction; `Storage.fold_step` does the rest.
        """


class DatasetStore(Protocol):
    """What runs read and wrote: datasets, and logged models."""

    def log_inputs(self, run_id: str, datasets: Sequence[DatasetInput], models: Sequence[ModelInput]) -> None:
        """Add inputs; one that the run has already is left as it is, its tags too."""

    def log_outputs(self, run_id: str, models: Sequence[ModelOutput]) -> None:
        """Add outputs; one that the run has already is left as it is."""

    def summaries(self, experiment_ids: Sequence[str], max_results: int) -> list[DatasetSummary]:
        """Distinct datasets with each context in which active runs of the experiments used them, by name, digest."""


class LoggedModelStore(Protocol):
    """Logged models, their tags, params and metrics."""

    def create(self, info: LoggedModelInfo, params: Sequence[Param]) -> None:
        """Raises NotFound: no such experiment."""

    def get(self, model_id: str, *, allow_deleted: bool = False) -> LoggedModel:
        """Raises NotFound: there is none, or it is deleted and that was not allowed."""

    def existing(self, model_ids: Iterable[str]) -> set[str]:
        """Those of the ids that are of models outside the trash."""

    def set_status(self, model_id: str, status: LoggedModelStatus, now_ms: int) -> None: ...

    def delete(self, model_id: str, now_ms: int) -> None:
        """Move to the trash; what is there already stays. Raises NotFound."""

    def set_tags(self, model_id: str, tags: Sequence[Tag], now_ms: int) -> None: ...

    def delete_tag(self, model_id: str, key: str, now_ms: int) -> None:
        """Raises NotFound: the model has no such tag."""

    def log_params(self, model_id: str, params: Sequence[Param], now_ms: int) -> None:
        """Add all params or none; one that is there with the same value is left.

        Raises:
            InvalidParameterValue: a param is there with another value.

        """

    def search(self, experiment_ids: Sequence[str], query: LoggedModelQuery) -> Page[LoggedModel]: ...


class StoredAnswer(NamedTuple):
    """The first answer to a request that named an idempotency key."""

    request_digest: bytes
    reply: bytes


class IdempotencyStore(Protocol):
    """First answers by operation and key, kept for a week."""

    def find(self, operation: str, key: str) -> StoredAnswer | None: ...

    def save(self, operation: str, key: str, answer: StoredAnswer, now_ms: int) -> None:
        """Keep the answer, and drop those older than a week.

        Raises:
            TransactionConflict: another transaction saved one for this key meanwhile.

        """


class TransactionConflict(Exception):
    """Another transaction got in the way (a deadlock, a lock held too long, a key taken meanwhile): do it anew."""


class Transaction(Protocol):
    """One consistent view and, in a write transaction, one all-or-nothing change. Used by one thread."""

    @property
    def experiments(self) -> ExperimentStore: ...
    @property
    def runs(self) -> RunStore: ...
    @property
    def params(self) -> ParamStore: ...
    @property
    def tags(self) -> TagStore: ...
    @property
    def metrics(self) -> MetricStore: ...
    @property
    def datasets(self) -> DatasetStore: ...
    @property
    def logged_models(self) -> LoggedModelStore: ...
    @property
    def idempotency(self) -> IdempotencyStore: ...
    @property
    def writers(self) -> WriterStore: ...
    @property
    def leases(self) -> LeaseStore: ...


class Storage(Protocol):
    """A store, open. Safe to share between threads; not across a fork (open it anew there)."""

    @property
    def store_type(self) -> str:
        """What `server-info` calls it: SqlStore or FileStore, the words that MLflow's clients know."""

    @property
    def artifact_root(self) -> str:
        """Where artifacts go when the caller names no place: a URI or path without a trailing slash."""

    def read(self) -> AbstractContextManager[Transaction]:
        """A transaction that only reads."""

    def write(self) -> AbstractContextManager[Transaction]:
        """A transaction that is durable when the block ends, and leaves no trace when it raises.

        Raises:
            TransactionConflict: run the whole block again.
            TemporarilyUnavailable: the store cannot be reached.

        """

    def fold_step(self, max_runs: int) -> int:
        """Fold the frames of up to `max_runs` runs that have many, a short transaction a run. Returns the runs folded.

        One that has very many counts once for each part. Any number of processes may do this at once.
        """

    def close(self) -> None:
        """Release connections and locks. The store cannot be used afterwards."""
