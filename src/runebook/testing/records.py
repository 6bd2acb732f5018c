"""What contract suites put into stores, with defaults for whatever a test is not about."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from runebook.core.columns import Columns
from runebook.core.datasets import Dataset, DatasetInput
from runebook.core.experiments import ViewType
from runebook.core.ids import DEFAULT_EXPERIMENT_ID, ExperimentId, ModelId, RunId, new_model_id, new_run_id
from runebook.core.logged_models import LoggedModelInfo, LoggedModelStatus
from runebook.core.metrics import Metric, Point
from runebook.core.params import Param
from runebook.core.runs import RunStatus
from runebook.core.tags import DATA_CONTEXT, Tag
from runebook.storage.base import NewRun, ParamConflict, SearchQuery, Series, Storage, Transaction

NOW_MS = 1_700_000_000_000

AWKWARD_KEYS = (
    "loss",
    "Loss",
    "LOSS",
    "train/loss",
    "train/deep/er/loss",
    "with space",
    "dotted.name.min",
    "dash-and_underscore",
    "colon:colon",
    "größe",
    "损失",
    "нагрузка",
    "k" * 250,
)
"""Keys that differ in case alone, that look like paths, that are long, that are not English."""

AWKWARD_VALUES = (
    "",
    " ",
    "trailing  ",
    "trailing",
    " leading",
    "Value",
    "value",
    "line\nbreak",
    "tab\tand 'quotes' \"double\" `back` \\ %s %(x)s :name ?",
    "😀 emoji é \u202e",
    "é",  # as two code points, unlike the next
    "é",
    "x" * 65_536,
    "1e-3",
    "nan",
)

_numbers = itertools.count(1)


def add_experiment(storage: Storage, name: str | None = None, *, tags: Sequence[Tag] = ()) -> ExperimentId:
    with storage.write() as tx:
        return tx.experiments.create(name or f"experiment {next(_numbers)}", None, storage.artifact_root, tags, NOW_MS)


def new_run(
    experiment_id: str = DEFAULT_EXPERIMENT_ID,
    *,
    artifact_root: str = "/artifacts",
    run_id: str | None = None,
    run_name: str = "a run",
    start_time: int = NOW_MS,
    tags: Sequence[Tag] = (),
) -> NewRun:
    chosen = RunId(run_id or new_run_id())
    return NewRun(
        run_id=chosen,
        experiment_id=ExperimentId(experiment_id),
        run_name=run_name,
        user_id="ada",
        start_time=start_time,
        artifact_uri=f"{artifact_root}/{experiment_id}/{chosen}/artifacts",
        status=RunStatus.RUNNING,
        tags=tags,
    )


def add_run(
    storage: Storage,
    experiment_id: str = DEFAULT_EXPERIMENT_ID,
    *,
    run_id: str | None = None,
    run_name: str = "a run",
    start_time: int = NOW_MS,
    tags: Sequence[Tag] = (),
) -> RunId:
    run = new_run(
        experiment_id,
        artifact_root=storage.artifact_root,
        run_id=run_id,
        run_name=run_name,
        start_time=start_time,
        tags=tags,
    )
    with storage.write() as tx:
        tx.runs.create([run])
    return run.run_id


def model_info(model_id: str | None = None, *, experiment_id: str = "0", name: str = "net") -> LoggedModelInfo:
    chosen = ModelId(model_id or new_model_id())
    return LoggedModelInfo(
        model_id=chosen,
        experiment_id=ExperimentId(experiment_id),
        name=name,
        creation_timestamp_ms=NOW_MS,
        last_updated_timestamp_ms=NOW_MS,
        artifact_uri=f"/artifacts/{experiment_id}/models/{chosen}/artifacts",
        status=LoggedModelStatus.PENDING,
    )


def add_model(storage: Storage, model_id: str | None = None, *, experiment_id: str = "0", name: str = "net") -> ModelId:
    info = model_info(model_id, experiment_id=experiment_id, name=name)
    with storage.write() as tx:
        tx.logged_models.create(info, [])
    return info.model_id


def metric(key: str, value: float, step: int = 0, time: int = NOW_MS, *, model_id: str | None = None) -> Metric:
    return Metric(key=key, value=value, timestamp=time, step=step, model_id=model_id)


def series(metrics: Iterable[Metric]) -> list[Series]:
    """The points of metrics, as stores take them."""
    return [
        Series(
            one.key,
            Columns.of([Point(one.step, one.timestamp, one.value)]),
            one.model_id,
            one.dataset_name,
            one.dataset_digest,
        )
        for one in metrics
    ]


def log(storage: Storage, run_id: str, metrics: Iterable[Metric]) -> None:
    """One append in a transaction of its own."""
    with storage.write() as tx:
        tx.runs.locked([run_id])
        tx.metrics.append({run_id: series(metrics)})


def history(storage: Storage, run_id: str, key: str) -> list[tuple[int, int, float]]:
    """Time, step and value of each point."""
    with storage.read() as tx:
        page = tx.metrics.history(run_id, key)
    return [(point.timestamp, point.step, point.value) for point in page.items]


def log_params(storage: Storage, run_id: str, params: Sequence[Param]) -> list[ParamConflict]:
    with storage.write() as tx:
        return add_params(tx, run_id, params)


def add_params(tx: Transaction, run_id: str, params: Sequence[Param]) -> list[ParamConflict]:
    """Lock the run and add to it. Returns what was there with another value."""
    tx.runs.locked([run_id])
    return tx.params.add({run_id: params}).get(run_id, [])


def used(name: str, digest: str = "d1", *, context: str | None = None) -> DatasetInput:
    """A dataset as a run uses it."""
    tags = [] if context is None else [Tag(key=DATA_CONTEXT, value=context)]
    dataset = Dataset(name=name, digest=digest, source_type="local", source='{"uri": "/data"}')
    return DatasetInput(dataset=dataset, tags=tags)


def everything(max_results: int = 1000, page_token: str | None = None) -> SearchQuery:
    """A search of whatever is active."""
    return SearchQuery(
        filter="", order_by=(), view=ViewType.ACTIVE_ONLY, max_results=max_results, page_token=page_token
    )
