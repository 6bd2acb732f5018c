"""Requests of many callers in one transaction: each is done whole or not at all, beside the others."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from runebook.api.frames import LogFrame, RunPart
from runebook.api.metrics import LogMetric
from runebook.api.operation import Nothing
from runebook.api.params import LogParam
from runebook.api.runs import DeleteRun, LogBatch
from runebook.api.tags import SetTag
from runebook.core.errors import RunebookError
from runebook.core.ids import RunId, new_run_id
from runebook.core.metrics import Metric, Point
from runebook.core.params import Param
from runebook.core.tags import RUN_NAME, Tag
from runebook.services.dispatch import Services
from runebook.services.log_requests import Loggable
from runebook.storage.sql.session import Session
from runebook.storage.sql.storage import SqlStorage
from runebook.testing.records import add_model, add_run
from runebook.testing.transactions import in_threads

from .frames import START, begun, frame, params_of, points_of, run_of, series_part, tags_of, together


def point(run_id: str, step: int, *, key: str = "loss", **fields: Any) -> LogMetric:
    return LogMetric(run_id=RunId(run_id), key=key, value=float(step), timestamp=step, step=step, **fields)


def codes(replies: Sequence[object]) -> list[str]:
    return [reply.error_code if isinstance(reply, RunebookError) else type(reply).__name__ for reply in replies]


def test_requests_of_all_kinds_are_done_together(everywhere: Services) -> None:
    one, other = begun(everywhere), begun(everywhere)
    batch = LogBatch(
        run_id=other,
        metrics=[Metric(key="loss", value=2.0, timestamp=step, step=step) for step in range(3)],
        params=[Param(key="b", value="2")],
        tags=[Tag(key="t", value="batch"), Tag(key=RUN_NAME, value="of the batch")],
    )
    shipped = frame(RunPart(run_id=one, series=[series_part("loss", [Point(9, 9, 9.0)])]), last=4)
    replies = together(
        everywhere,
        point(one, 1),
        LogParam(run_id=one, key="a", value="1"),
        SetTag(run_id=one, key="t", value="first"),
        batch,
        point(one, 2),
        shipped,
        SetTag(run_id=one, key="t", value="last"),
    )

    assert replies == [*[Nothing()] * 5, LogFrame.Reply(acknowledged=4), Nothing()]
    assert points_of(everywhere, one) == [Point(step, step, float(step)) for step in (1, 2, 9)]
    assert points_of(everywhere, other) == [Point(step, step, 2.0) for step in range(3)]
    assert (params_of(everywhere, one), params_of(everywhere, other)) == ({"a": "1"}, {"b": "2"})
    assert tags_of(everywhere, one) == {"t": "last", RUN_NAME: "begun away"}
    assert run_of(everywhere, other).info.run_name == "of the batch"


def test_what_is_refused_leaves_no_trace_and_does_not_disturb_the_others(everywhere: Services) -> None:
    run_id, deleted = begun(everywhere), begun(everywhere)
    everywhere.call(DeleteRun(run_id=deleted))
    everywhere.call(LogParam(run_id=run_id, key="rate", value="1"))
    tags = [Tag(key="of refused", value="x")]
    replies = together(
        everywhere,
        point(run_id, 1),
        point("../", 2),
        point(run_id, -1),
        point(new_run_id(), 3),
        point(deleted, 4),
        point(run_id, 5, model_id="m-none"),
        LogBatch(
            run_id=run_id, metrics=[Metric(key="loss", value=6.0, timestamp=6)], params=[Param(key="rate", value="2")]
        ),
        LogBatch(run_id=run_id, tags=tags, params=[Param(key="new", value="x"), Param(key="rate", value="3")]),
        LogBatch(run_id=run_id, tags=tags, metrics=[Metric(key="m", value=7.0, timestamp=7, model_id="m-none")]),
        LogBatch(run_id=run_id, metrics=[Metric(key="loss", value=8.0, timestamp=8, step=2**63)], tags=tags),
        SetTag(run_id=run_id, key=RUN_NAME, value="x" * 501),
        point(run_id, 9),
    )

    bad = "INVALID_PARAMETER_VALUE"
    missing = "RESOURCE_DOES_NOT_EXIST"
    assert codes(replies) == ["Nothing", bad, bad, missing, bad, missing, bad, bad, missing, bad, bad, "Nothing"]
    assert [found.step for found in points_of(everywhere, run_id)] == [1, 9]
    assert points_of(everywhere, run_id, "m") == []
    assert params_of(everywhere, run_id) == {"rate": "1"}
    assert tags_of(everywhere, run_id) == {RUN_NAME: "begun away"}


def test_of_two_values_of_a_param_in_one_group_the_first_is_taken(everywhere: Services) -> None:
    run_id, other = begun(everywhere), begun(everywhere)
    everywhere.call(LogParam(run_id=run_id, key="there", value="0"))
    replies = together(
        everywhere,
        # of a refused request nothing is there for those behind it
        LogBatch(run_id=run_id, params=[Param(key="rate", value="refused"), Param(key="there", value="1")]),
        LogParam(run_id=run_id, key="rate", value="1"),
        LogParam(run_id=run_id, key="rate", value="2"),
        LogParam(run_id=run_id, key="rate", value="1"),
        LogParam(run_id=other, key="rate", value="2"),
        LogParam(run_id=run_id, key="there", value="0"),
    )

    bad = "INVALID_PARAMETER_VALUE"
    assert codes(replies) == [bad, "Nothing", bad, "Nothing", "Nothing", "Nothing"]
    assert "already logged with value='1'" in replies[2].message
    assert params_of(everywhere, run_id) == {"there": "0", "rate": "1"}
    assert params_of(everywhere, other) == {"rate": "2"}


def test_points_of_models_and_datasets_keep_what_they_belong_to(everywhere: Services) -> None:
    run_id, model_id = begun(everywhere), add_model(everywhere.storage)
    dataset = {"dataset_name": "iris", "dataset_digest": "d1"}
    metrics = [
        Metric(key="auc", value=0.1, timestamp=1, step=1, model_id=model_id, **dataset),
        Metric(key="auc", value=0.2, timestamp=2, step=2, model_id=model_id),
        Metric(key="auc", value=0.3, timestamp=3, step=3),
    ]
    together(everywhere, LogBatch(run_id=run_id, metrics=metrics), point(run_id, 4, key="auc", model_id=model_id))
    with everywhere.storage.read() as tx:
        of_model = tx.logged_models.get(model_id).data.metrics

    assert [(found.step, found.dataset_name, found.run_id) for found in of_model] == [
        (1, "iris", run_id),
        (2, None, run_id),
        (4, None, run_id),
    ]
    assert [found.step for found in points_of(everywhere, run_id, "auc")] == [1, 2, 3, 4]


def statements_of(work: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> int:
    """How many statements a piece of work takes."""
    count = 0
    call = Session._call

    def counting(self: Session, *arguments: Any) -> Any:
        nonlocal count
        count += 1
        return call(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Session, "_call", counting)
        work()
    return count


def test_many_requests_take_as_many_statements_as_few(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(services.storage, SqlStorage)

    def requests(count: int, name: str) -> list[Loggable]:
        runs = [begun(services) for _ in range(count)]
        return [
            request
            for number, run_id in enumerate(runs)
            for request in (
                point(run_id, 1, key=f"{name} {number}"),
                LogBatch(
                    run_id=run_id, params=[Param(key=f"{name} p{number}", value="1")], tags=[Tag(key="t", value="1")]
                ),
                frame(
                    RunPart(run_id=run_id, series=[series_part(name, [Point(1, 1, 1.0)])], lease_ms=5),
                    RunPart(run_id=new_run_id(), start=START, tags=[Tag(key=f"{name} t{number}", value="1")]),
                    writer=f"{name} {number}",
                ),
            )
        ]

    few, many = requests(2, "few"), requests(100, "many")

    assert statements_of(lambda: together(services, *few), monkeypatch) == statements_of(
        lambda: together(services, *many), monkeypatch
    )


class Shipper:
    """A client that ships its records as a spool does: what was not acknowledged is cut anew, and sent again."""

    def __init__(self, name: str, records: Sequence[tuple[RunId, Point | Param | Tag]], rng: random.Random) -> None:
        self.name = name
        self.records = records
        self.acknowledged = 0
        self._rng = rng

    @property
    def is_done(self) -> bool:
        return self.acknowledged >= len(self.records)

    def next_frame(self) -> LogFrame:
        """Now and then one that begins before what was acknowledged, as a delayed repetition does."""
        first = self.acknowledged + 1
        if self._rng.random() < 0.2:
            first = self._rng.randint(1, first)
        last = min(len(self.records), first + self._rng.randrange(12))
        parts: dict[RunId, dict[str, list[Any]]] = defaultdict(lambda: {"params": [], "tags": [], "points": []})
        for run_id, record in self.records[first - 1 : last]:
            kind = "points" if isinstance(record, Point) else "params" if isinstance(record, Param) else "tags"
            parts[run_id][kind].append(record)
        runs = [
            RunPart(
                run_id=run_id,
                start=START,
                params=part["params"],
                tags=part["tags"],
                series=[series_part("loss", part["points"])],
            )
            for run_id, part in parts.items()
        ]
        return frame(*runs, writer=self.name, first=first, last=last)

    def hear(self, reply: LogFrame.Reply) -> None:
        """Or not: some answers are lost."""
        assert reply.refused == []
        if self._rng.random() < 0.6:
            self.acknowledged = max(self.acknowledged, reply.acknowledged)


@pytest.mark.parametrize("seed", range(4))
def test_frames_cut_anew_and_repeated_in_any_order_add_everything_once(everywhere: Services, seed: int) -> None:
    rng = random.Random(seed)  # a test's data
    runs = [new_run_id() for _ in range(3)]
    points: dict[str, list[Point]] = {run_id: [] for run_id in runs}
    params: dict[str, dict[str, str]] = {run_id: {} for run_id in runs}
    tags: dict[str, dict[str, str]] = {run_id: {RUN_NAME: "begun away"} for run_id in runs}
    shippers = []
    for writer in range(3):
        records: list[tuple[RunId, Point | Param | Tag]] = []
        for number in range(60):
            run_id = rng.choice(runs)
            kind = rng.random()
            if kind < 0.7:
                one = Point(rng.randrange(-5, 5), number, writer + number / 100)
                points[run_id].append(one)
                records.append((run_id, one))
            elif kind < 0.85:
                params[run_id][f"{writer} {number}"] = "value"
                records.append((run_id, Param(key=f"{writer} {number}", value="value")))
            else:
                tags[run_id][f"{writer} {number % 3}"] = str(number)
                records.append((run_id, Tag(key=f"{writer} {number % 3}", value=str(number))))
        shippers.append(Shipper(f"writer {writer}", records, rng))
    while waiting := [shipper for shipper in shippers if not shipper.is_done]:
        senders = [rng.choice(waiting) for _ in range(rng.randint(1, 3))]
        for sender, reply in zip(senders, together(everywhere, *(one.next_frame() for one in senders)), strict=True):
            sender.hear(reply)

    for run_id in runs:
        if not points[run_id] and not params[run_id]:
            continue
        assert sorted(points_of(everywhere, run_id)) == sorted(points[run_id])
        assert params_of(everywhere, run_id) == params[run_id]
        assert tags_of(everywhere, run_id) == tags[run_id]


def test_groups_that_write_the_same_runs_and_names_in_any_order_get_by_without_deadlocks(everywhere: Services) -> None:
    runs = [add_run(everywhere.storage) for _ in range(8)]
    names = [f"name {number}" for number in range(30)]
    ready = threading.Barrier(4)

    def work(number: int) -> None:
        rng = random.Random(number)  # a test's data
        ready.wait()
        for turn in range(8):
            requests: list[Loggable] = [point(run_id, number * 100 + turn) for run_id in runs]
            requests += [
                LogBatch(
                    run_id=rng.choice(runs),
                    metrics=[Metric(key=name, value=1.0, timestamp=number)],
                    params=[Param(key=name, value="1")],
                    tags=[Tag(key=name, value="1")],
                )
                for name in rng.sample(names, 10)
            ]
            rng.shuffle(requests)
            replies = together(everywhere, *requests)
            assert codes(replies) == ["Nothing"] * len(requests)

    in_threads(4, work)
    steps = sorted(number * 100 + turn for number in range(4) for turn in range(8))
    assert [[found.step for found in points_of(everywhere, run_id)] for run_id in runs] == [steps] * len(runs)
