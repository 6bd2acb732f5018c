from __future__ import annotations

import math

import pytest
from msgspec import structs

from runebook.api.datasets import LogOutputs
from runebook.api.experiments import CreateExperiment, DeleteExperiment
from runebook.api.frames import LogFrame, RunPart, RunStart, SeriesPart
from runebook.api.runs import DeleteRun, UpdateRun
from runebook.core.datasets import Dataset, DatasetInput, ModelInput, ModelOutput
from runebook.core.errors import InvalidParameterValue
from runebook.core.ids import ModelId, RunId, new_run_id
from runebook.core.metrics import Point
from runebook.core.params import Param
from runebook.core.runs import RunStatus
from runebook.core.tags import RUN_NAME, Tag
from runebook.services.dispatch import Services
from runebook.testing.records import add_model

from .frames import START, begun, frame, params_of, points_of, run_of, series_part, tags_of, together

POINTS = [Point(step, 1000 + step, value) for step, value in enumerate((0.5, math.inf, -0.0, 3.0))]


def test_a_frame_holds_a_whole_run(everywhere: Services) -> None:
    run_id, model_id = new_run_id(), add_model(everywhere.storage)
    dataset = Dataset(name="iris", digest="d1", source_type="local", source="{}")
    part = RunPart(
        run_id=run_id,
        start=RunStart(start_time=1000, experiment_name="away", user_id="ada", tags=[Tag(key="a", value="1")]),
        params=[Param(key="rate", value="0.1")],
        tags=[Tag(key="b", value="2"), Tag(key=RUN_NAME, value="renamed")],
        series=[series_part("loss", POINTS[:2], model_id=model_id), series_part("loss", POINTS[2:])],
        datasets=[DatasetInput(dataset=dataset)],
        models=[ModelInput(model_id=ModelId("m-in"))],
        outputs=[ModelOutput(model_id=model_id, step=3)],
        status=RunStatus.FINISHED,
        end_time=2000,
    )
    reply = everywhere.call(frame(part, last=40))
    run = run_of(everywhere, run_id)
    with everywhere.storage.read() as tx:
        experiment = tx.experiments.get_by_name("away")
        of_model = tx.logged_models.get(model_id).data.metrics

    assert reply == LogFrame.Reply(acknowledged=40)
    assert experiment is not None
    assert run.info.artifact_uri == f"{experiment.artifact_location}/{run_id}/artifacts"
    assert (run.info.experiment_id, run.info.run_name) == (experiment.experiment_id, "renamed")
    assert (run.info.status, run.info.start_time, run.info.end_time) == (RunStatus.FINISHED, 1000, 2000)
    assert run.info.user_id == "ada"
    assert params_of(everywhere, run_id) == {"rate": "0.1"}
    assert tags_of(everywhere, run_id) == {"a": "1", "b": "2", RUN_NAME: "renamed"}
    assert points_of(everywhere, run_id) == POINTS
    assert [(point.step, point.value) for point in of_model] == [(0, 0.5), (1, math.inf)]
    assert [given.dataset for given in run.inputs.dataset_inputs] == [dataset]
    assert [given.model_id for given in run.inputs.model_inputs] == ["m-in"]
    assert [(made.model_id, made.step) for made in run.outputs.model_outputs] == [(model_id, 3)]


def test_what_is_there_is_not_added_again_and_the_reply_says_how_far_the_store_is(everywhere: Services) -> None:
    run_id = begun(everywhere)

    def sent(first: int, last: int) -> LogFrame:
        points = [Point(0, number, float(number)) for number in range(first, last + 1)]
        return frame(RunPart(run_id=run_id, series=[series_part("loss", points)]), first=first, last=last)

    replies = [everywhere.call(sent(*cut)).acknowledged for cut in [(1, 3), (1, 3), (2, 5), (3, 9), (4, 5), (1, 9)]]
    replies += [reply.acknowledged for reply in together(everywhere, sent(6, 7), sent(6, 7), sent(7, 9), sent(8, 8))]

    assert replies == [3, 3, 3, 3, 5, 5, 7, 7, 7, 8]
    assert [point.time for point in points_of(everywhere, run_id)] == list(range(1, 9))


BAD_PARTS = {
    "a column of another length": {"series": [SeriesPart(key="m", steps=b"", times=b"\0" * 8, values=b"\0" * 8)]},
    "a part of a number": {"series": [SeriesPart(key="m", steps=b"\0" * 7, times=b"\0" * 7, values=b"\0" * 7)]},
    "a negative time": {"series": [series_part("m", [Point(0, 5, 0.0), Point(0, -1, 0.0)])]},
    "a bad metric": {"series": [series_part("../m", POINTS)]},
    "half a dataset": {"series": [series_part("m", POINTS, dataset_name="iris")]},
    "a bad param": {"params": [Param(key="", value="1")]},
    "a param with NUL": {"params": [Param(key="a", value="\0")]},
    "a long tag": {"tags": [Tag(key="a", value="x" * 70_000)]},
    "a long name": {"tags": [Tag(key=RUN_NAME, value="x" * 501)]},
    "a bad dataset": {"datasets": [DatasetInput(dataset=Dataset(name="", digest="d", source_type="s", source="s"))]},
    "a nameless model": {"models": [ModelInput(model_id=ModelId(""))]},
    "a nameless output": {"outputs": [ModelOutput(model_id=ModelId(""))]},
    "a lease of no time": {"lease_ms": 0},
    "a lease of a year": {"lease_ms": 365 * 24 * 3600 * 1000},
    "a negative end": {"status": RunStatus.FINISHED, "end_time": -1},
    "a bad experiment": {"start": RunStart(start_time=1, experiment_id="one")},
    "an empty experiment name": {"start": RunStart(start_time=1, experiment_name="  ")},
    "a negative start": {"start": RunStart(start_time=-1)},
    "a bad start tag": {"start": RunStart(start_time=1, tags=[Tag(key="../", value="")])},
}


@pytest.mark.parametrize("bad", BAD_PARTS.values(), ids=BAD_PARTS)
def test_a_malformed_frame_is_refused_and_nothing_of_it_is_taken(services: Services, bad: dict[str, object]) -> None:
    run_id = begun(services)
    good = RunPart(run_id=run_id, series=[series_part("loss", POINTS)], tags=[Tag(key="a", value="b")])
    with pytest.raises(InvalidParameterValue, match=r"\S"):
        services.call(frame(good, RunPart(run_id=run_id, **bad)))  # type: ignore[arg-type]  # fields of a part

    assert points_of(services, run_id) == []
    assert services.call(frame(good)).acknowledged == 1
    assert points_of(services, run_id) == POINTS


@pytest.mark.parametrize(
    "bad",
    [
        {"writer": ""},
        {"writer": "x" * 65},
        {"writer": "a\0b"},
        {"first": 0},
        {"first": 3, "last": 2},
        {"last": 2**63},
        {"runs": [RunPart(run_id=RunId("../x"))]},
        {"runs": [RunPart(run_id=RunId("not-hex"), start=START)]},
    ],
    ids=lambda bad: "-".join(bad),
)
def test_a_frame_with_a_malformed_head_is_refused(services: Services, bad: dict[str, object]) -> None:
    with pytest.raises(InvalidParameterValue):
        services.call(structs.replace(frame(), **bad))


def test_a_run_that_cannot_be_written_is_refused_and_the_others_are_taken(everywhere: Services) -> None:
    kept, deleted, missing, homeless, expelled = begun(everywhere), begun(everywhere), *(new_run_id() for _ in range(3))
    everywhere.call(DeleteRun(run_id=deleted))
    gone = everywhere.call(CreateExperiment(name="gone")).experiment_id
    everywhere.call(DeleteExperiment(experiment_id=gone))
    starts = {
        homeless: RunStart(start_time=1, experiment_id="123456"),
        expelled: RunStart(start_time=1, experiment_name="gone"),
    }
    reply = everywhere.call(
        frame(
            *(
                RunPart(run_id=run_id, start=starts.get(run_id), series=[series_part("loss", POINTS)])
                for run_id in (deleted, missing, homeless, expelled, kept)
            )
        )
    )
    with everywhere.storage.read() as tx:
        there = {run_id for run_id in (missing, homeless, expelled) if tx.metrics.history(run_id, "loss").items}

    assert [(refusal.run_id, refusal.error_code) for refusal in reply.refused] == [
        (deleted, "INVALID_PARAMETER_VALUE"),
        (missing, "RESOURCE_DOES_NOT_EXIST"),
        (homeless, "RESOURCE_DOES_NOT_EXIST"),
        (expelled, "INVALID_PARAMETER_VALUE"),
    ]
    assert "'active' state" in reply.refused[0].message
    assert reply.acknowledged == 1
    assert points_of(everywhere, deleted) == []
    assert there == set()
    assert points_of(everywhere, kept) == POINTS


def test_a_param_with_another_value_is_refused_alone(everywhere: Services) -> None:
    run_id = begun(everywhere)
    everywhere.call(frame(RunPart(run_id=run_id, params=[Param(key="rate", value="1")])))
    params = [
        Param(key=key, value=value)
        for key, value in [("rate", "2"), ("new", "a"), ("rate", "1"), ("new", "b"), ("x", "")]
    ]
    reply = everywhere.call(frame(RunPart(run_id=run_id, params=params, series=[series_part("loss", POINTS)]), first=2))

    assert [refusal.param for refusal in reply.refused] == [params[0], params[3]]
    assert "was already logged with value='1'" in reply.refused[0].message
    assert params_of(everywhere, run_id) == {"rate": "1", "new": "a", "x": ""}
    assert points_of(everywhere, run_id) == POINTS


def test_points_of_a_model_that_is_not_there_lose_that_link_alone(everywhere: Services) -> None:
    run_id, model_id = begun(everywhere), add_model(everywhere.storage)
    series = [
        series_part("loss", POINTS[:1], model_id="m-none"),
        series_part("loss", POINTS[1:2], model_id=model_id),
        series_part("loss", POINTS[2:], model_id="m-none"),
    ]
    reply = everywhere.call(frame(RunPart(run_id=run_id, series=series)))
    with everywhere.storage.read() as tx:
        of_model = tx.logged_models.get(model_id).data.metrics

    assert [refusal.error_code for refusal in reply.refused] == ["RESOURCE_DOES_NOT_EXIST"]
    assert "m-none" in reply.refused[0].message
    assert points_of(everywhere, run_id) == POINTS
    assert [point.step for point in of_model] == [1]


def test_an_output_at_another_step_is_refused_alone(everywhere: Services) -> None:
    run_id = begun(everywhere)
    everywhere.call(LogOutputs(run_id=run_id, models=[ModelOutput(model_id=ModelId("m-1"), step=1)]))
    outputs = [ModelOutput(model_id=ModelId("m-1"), step=2), ModelOutput(model_id=ModelId("m-2"), step=2)]
    reply = everywhere.call(frame(RunPart(run_id=run_id, outputs=outputs)))

    assert "at step 1 already" in reply.refused[0].message
    assert [(made.model_id, made.step) for made in run_of(everywhere, run_id).outputs.model_outputs] == [
        ("m-1", 1),
        ("m-2", 2),
    ]


def test_a_run_starts_once_whoever_says_so(everywhere: Services) -> None:
    run_id = new_run_id()
    starts = [RunPart(run_id=run_id, start=structs.replace(START, run_name=name)) for name in ("one", "two", "three")]
    together(everywhere, frame(starts[0], writer="a"), frame(starts[1], writer="b"))
    reply = everywhere.call(frame(starts[2], writer="c"))

    assert reply.refused == []
    assert run_of(everywhere, run_id).info.run_name == "one"


def test_a_run_without_a_name_gets_one_and_the_default_experiment(everywhere: Services) -> None:
    run_id = new_run_id()
    everywhere.call(frame(RunPart(run_id=run_id, start=RunStart(start_time=5))))
    run = run_of(everywhere, run_id)

    assert run.info.experiment_id == "0"
    assert run.info.run_name.count("-") == 2
    assert tags_of(everywhere, run_id) == {RUN_NAME: run.info.run_name}


@pytest.mark.parametrize(("appends", "left"), [(63, 63), (64, 0)])
def test_a_run_that_ends_with_many_frames_is_folded(services: Services, appends: int, left: int) -> None:
    run_id = begun(services)
    for number in range(1, appends + 1):
        part = RunPart(run_id=run_id, series=[series_part("loss", [Point(number, number, 0.5)])])
        services.call(frame(part, first=number))
    services.call(frame(RunPart(run_id=run_id, status=RunStatus.FINISHED), first=appends + 1))

    with services.storage.write() as tx:
        assert tx.metrics.fold(run_id) == left
    assert len(points_of(services, run_id)) == appends


def test_a_status_that_a_request_sets_is_the_frames_too(services: Services) -> None:
    run_id = begun(services)
    services.call(UpdateRun(run_id=run_id, status=RunStatus.FINISHED, end_time=9))
    services.call(frame(RunPart(run_id=run_id, status=RunStatus.RUNNING)))

    assert run_of(services, run_id).info.status is RunStatus.RUNNING
