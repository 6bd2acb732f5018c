from __future__ import annotations

import pytest

from runebook.api.experiments import CreateExperiment, DeleteExperiment, RestoreExperiment, UpdateExperiment
from runebook.api.metrics import GetMetricHistory
from runebook.api.runs import CreateRun, DeleteRun, GetRun, LogBatch, RestoreRun, SearchRuns, UpdateRun
from runebook.api.tags import SetTag
from runebook.core.errors import InvalidParameterValue, InvalidState, NotFound, RunebookError
from runebook.core.experiments import LifecycleStage, ViewType
from runebook.core.ids import ExperimentId, RunId
from runebook.core.metrics import Metric
from runebook.core.params import Param
from runebook.core.runs import Run, RunStatus
from runebook.core.tags import RUN_NAME, Tag
from runebook.services.dispatch import Services

DEFAULT = ExperimentId("0")


def new_run(services: Services, **fields: object) -> Run:
    run: Run = services.call(CreateRun(experiment_id=DEFAULT, **fields)).run  # type: ignore[arg-type]  # any field
    return run


def get(services: Services, run_id: RunId) -> Run:
    run: Run = services.call(GetRun(run_id=run_id)).run
    return run


def test_a_new_run_has_a_name_a_status_and_a_place_for_its_files(services: Services) -> None:
    run = new_run(services, user_id="ada", start_time=5)

    assert run.info.status is RunStatus.RUNNING
    assert (run.info.start_time, run.info.end_time, run.info.user_id) == (5, None, "ada")
    assert run.info.artifact_uri == f"mlflow-artifacts:/0/{run.info.run_id}/artifacts"
    assert run.data.tags == [Tag(key=RUN_NAME, value=run.info.run_name)]
    assert run.info.run_name.count("-") == 2


def test_the_name_of_a_run_and_its_tag_are_one(services: Services) -> None:
    run = new_run(services, tags=[Tag(key=RUN_NAME, value="tagged")])
    assert run.info.run_name == "tagged"

    services.call(UpdateRun(run_id=run.info.run_id, run_name="updated"))
    assert get(services, run.info.run_id).data.tags == [Tag(key=RUN_NAME, value="updated")]

    services.call(SetTag(run_id=run.info.run_id, key=RUN_NAME, value="set"))
    assert get(services, run.info.run_id).info.run_name == "set"

    with pytest.raises(InvalidParameterValue, match="different values"):
        new_run(services, run_name="a", tags=[Tag(key=RUN_NAME, value="b")])


def test_a_client_may_choose_the_id_of_its_run_once(services: Services) -> None:
    chosen = RunId("0123456789abcdef0123456789abcdef")
    assert new_run(services, run_id=chosen).info.run_id == chosen
    with pytest.raises(RunebookError) as raised:
        new_run(services, run_id=chosen)
    assert raised.value.error_code == "RESOURCE_ALREADY_EXISTS"
    with pytest.raises(InvalidParameterValue, match="32 lower-case hex digits"):
        new_run(services, run_id="../../etc")


@pytest.mark.parametrize(
    "bad",
    [
        {"params": [Param(key="lr", value="2")]},
        {"params": [Param(key="a", value="1"), Param(key="a", value="1")]},
        {"tags": [Tag(key="../a", value="1")]},
        {"tags": [Tag(key="a", value="x" * 70_000)]},
        {"metrics": [Metric(key="m", value=1.0, timestamp=-1)]},
        {"metrics": [Metric(key="m", value=1.0, timestamp=0, step=2**63)]},
        {"metrics": [Metric(key="m", value=1.0, timestamp=0, model_id="m-none")]},
    ],
)
def test_a_batch_with_one_bad_item_leaves_nothing(services: Services, bad: dict[str, object]) -> None:
    run_id = new_run(services, run_name="r").info.run_id
    services.call(LogBatch(run_id=run_id, params=[Param(key="lr", value="1")]))
    before = get(services, run_id)
    good: dict[str, list[object]] = {
        "metrics": [Metric(key="loss", value=0.5, timestamp=1)],
        "params": [Param(key="depth", value="3")],
        "tags": [Tag(key="team", value="red")],
    }
    batch = {name: [*items, *bad.get(name, [])] for name, items in good.items()}  # type: ignore[misc]  # lists

    with pytest.raises(RunebookError):
        services.call(LogBatch(run_id=run_id, **batch))  # type: ignore[arg-type]  # lists of the right records

    assert get(services, run_id) == before
    assert services.call(GetMetricHistory(run_id=run_id, metric_key="loss")).metrics == []


@pytest.mark.parametrize(("noun", "limit"), [("metrics", 1000), ("params", 100), ("tags", 100)])
def test_a_batch_has_mlflows_limits(services: Services, noun: str, limit: int) -> None:
    run_id = new_run(services).info.run_id
    make = {
        "metrics": lambda n: Metric(key=f"k{n}", value=1.0, timestamp=0),
        "params": lambda n: Param(key=f"k{n}", value="v"),
        "tags": lambda n: Tag(key=f"k{n}", value="v"),
    }[noun]
    with pytest.raises(InvalidParameterValue, match=f"at most {limit} {noun}. Got {limit + 1}"):
        services.call(LogBatch(run_id=run_id, **{noun: [make(n) for n in range(limit + 1)]}))  # type: ignore[arg-type]
    services.call(LogBatch(run_id=run_id, **{noun: [make(n) for n in range(limit)]}))  # type: ignore[arg-type]
    assert len(getattr(get(services, run_id).data, noun)) == limit + (noun == "tags")


def test_a_deleted_run_takes_nothing_more_until_it_is_restored(services: Services) -> None:
    run_id = new_run(services).info.run_id
    services.call(DeleteRun(run_id=run_id))
    services.call(DeleteRun(run_id=run_id))
    assert get(services, run_id).info.lifecycle_stage is LifecycleStage.DELETED
    for request in (
        SetTag(run_id=run_id, key="a", value="b"),
        LogBatch(run_id=run_id),
        UpdateRun(run_id=run_id, status=RunStatus.FINISHED),
    ):
        with pytest.raises(InvalidParameterValue, match="must be in the 'active' state"):
            services.call(request)
    services.call(RestoreRun(run_id=run_id))
    services.call(SetTag(run_id=run_id, key="a", value="b"))


def test_restoring_an_experiment_brings_back_only_the_runs_that_went_with_it(services: Services) -> None:
    experiment_id = services.call(CreateExperiment(name="e")).experiment_id
    kept, deleted_before = (services.call(CreateRun(experiment_id=experiment_id)).run.info.run_id for _ in range(2))
    services.call(DeleteRun(run_id=deleted_before))
    services.call(DeleteExperiment(experiment_id=experiment_id))
    for request in (
        CreateRun(experiment_id=experiment_id),
        UpdateExperiment(experiment_id=experiment_id, new_name="f"),
        DeleteExperiment(experiment_id=experiment_id),
    ):
        with pytest.raises((InvalidParameterValue, InvalidState, NotFound)):
            services.call(request)
    services.call(RestoreExperiment(experiment_id=experiment_id))

    def ids(view: ViewType) -> list[RunId]:
        runs = services.call(SearchRuns(experiment_ids=[experiment_id], run_view_type=view)).runs
        return [run.info.run_id for run in runs]

    assert ids(ViewType.ACTIVE_ONLY) == [kept]
    assert ids(ViewType.DELETED_ONLY) == [deleted_before]
