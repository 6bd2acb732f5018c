"""The contract of `MetricStore`."""

from __future__ import annotations

import math
import random
from itertools import product

import pytest

from runebook.core.columns import Columns
from runebook.core.errors import InvalidParameterValue, NotFound
from runebook.core.limits import MAX_INT64, MIN_INT64
from runebook.core.metrics import Metric, Point
from runebook.storage.base import Series, Storage
from runebook.testing.backend import Backend
from runebook.testing.records import AWKWARD_KEYS, NOW_MS, add_model, add_run, history, log, metric

AWKWARD_NUMBERS = (
    0.0,
    -0.0,
    0.1,
    1 / 3,
    -1e-300,
    5e-324,
    2.2250738585072014e-308,
    1.7976931348623157e308,
    -1.7976931348623157e308,
    float(2**53 + 2),
    123456789.123456789,
    math.inf,
    -math.inf,
    math.nan,
)


def shown(value: float) -> str:
    """Tells NaN from numbers and 0.0 from -0.0."""
    return repr(value)


def last_of(storage: Storage, run_id: str, key: str) -> Metric:
    with storage.read() as tx:
        return next(metric for metric in tx.runs.get(run_id).data.metrics if metric.key == key)


class MetricStoreContract:
    @pytest.mark.parametrize("value", AWKWARD_NUMBERS, ids=shown)
    def test_every_number_survives(self, backend: Backend, value: float) -> None:
        run_id = add_run(backend.storage)
        log(backend.storage, run_id, [metric("m", value, 3)])

        assert [shown(point.value) for point in backend.raw_points(run_id, "m")] == [shown(value)]
        assert [shown(value) for _, _, value in history(backend.storage, run_id, "m")] == [shown(value)]
        assert shown(last_of(backend.storage, run_id, "m").value) in (shown(value), shown(value + 0.0))

    @pytest.mark.parametrize("step", [0, -1, 2**53 + 1, -(2**53) - 1, MAX_INT64, MIN_INT64])
    def test_every_step_survives(self, backend: Backend, step: int) -> None:
        run_id = add_run(backend.storage)
        log(backend.storage, run_id, [metric("m", 1.0, step, time=MAX_INT64)])
        with backend.storage.read() as tx:
            assert tx.metrics.steps(run_id, "m", None, None) == [step]
            assert tx.metrics.points_at(run_id, "m", [step]) == [Point(step, MAX_INT64, 1.0)]

        assert backend.raw_points(run_id, "m") == [Point(step, MAX_INT64, 1.0)]
        assert last_of(backend.storage, run_id, "m") == metric("m", 1.0, step, time=MAX_INT64)

    def test_every_key_has_a_series_of_its_own(self, backend: Backend) -> None:
        run_id = add_run(backend.storage)
        sent = {key: float(place) for place, key in enumerate(AWKWARD_KEYS)}
        log(backend.storage, run_id, [metric(key, value) for key, value in sent.items()])
        with backend.storage.read() as tx:
            shown_last = {metric.key: metric.value for metric in tx.runs.get(run_id).data.metrics}

        assert {key: [p.value for p in backend.raw_points(run_id, key)] for key in sent} == {
            key: [value] for key, value in sent.items()
        }
        assert shown_last == sent

    def test_history_is_by_time_then_step_then_value_with_nan_last(self, storage: Storage) -> None:
        run_id = add_run(storage)
        wanted = [
            (5, 9, 0.0),
            (6, -2, math.inf),
            (6, 1, -math.inf),
            (6, 1, -3.0),
            (6, 1, 2.0),
            (6, 1, math.inf),
            (6, 1, math.nan),
            (7, 0, 1.0),
        ]
        shuffled = wanted[:]
        random.Random(3).shuffle(shuffled)  # noqa: S311  # a test's data
        for part in (shuffled[:3], shuffled[3:]):
            log(storage, run_id, [metric("m", value, step, time) for time, step, value in part])

        assert repr(history(storage, run_id, "m")) == repr(wanted)

    def test_equal_points_are_one_and_unequal_ones_are_not(self, storage: Storage) -> None:
        run_id = add_run(storage)
        for _ in range(2):
            log(storage, run_id, [metric("m", math.nan, 1), metric("m", 2.0, 1), metric("m", 2.0, 1)])
        log(storage, run_id, [metric("m", 2.0, 1, NOW_MS + 1), metric("m", 2.0, 2)])

        assert repr(history(storage, run_id, "m")) == repr(
            [(NOW_MS, 1, 2.0), (NOW_MS, 1, math.nan), (NOW_MS, 2, 2.0), (NOW_MS + 1, 1, 2.0)]
        )

    def test_points_of_many_runs_and_keys_are_added_at_once(self, backend: Backend) -> None:
        runs = [add_run(backend.storage) for _ in range(3)]
        wanted = {
            (run_id, key): [Point(step, 1000 + step, place + step / 7) for step in range(20)]
            for place, (run_id, key) in enumerate(product(runs, ("a", "b")))
        }
        for steps in (slice(0, 12), slice(12, 20)):
            added: dict[str, list[Series]] = {run_id: [] for run_id in runs}
            for (run_id, key), points in wanted.items():
                some = points[steps]
                added[run_id] += [Series(key, Columns.of(some[:5])), Series(key, Columns.of(some[5:]))]
            added[runs[0]].append(Series("empty", Columns.of([])))
            with backend.storage.write() as tx:
                tx.runs.locked(runs)
                tx.metrics.append(added)

        assert {place: sorted(backend.raw_points(*place)) for place in wanted} == wanted
        for (run_id, key), points in wanted.items():
            last = last_of(backend.storage, run_id, key)
            assert (last.step, last.timestamp, last.value) == points[-1]
        with backend.storage.read() as tx:
            assert {metric.key for metric in tx.runs.get(runs[0]).data.metrics} == {"a", "b"}

    @pytest.mark.parametrize(
        ("points", "last"),
        [
            ([(5, 1, 1.0), (4, 9, 2.0)], (5, 1, 1.0)),
            ([(5, 1, 1.0), (5, 2, 0.0)], (5, 2, 0.0)),
            ([(5, 1, 1.0), (5, 1, -5.0)], (5, 1, 1.0)),
            ([(5, 1, math.nan), (5, 1, 7.0)], (5, 1, math.nan)),
            ([(5, 1, math.inf), (5, 1, 7.0)], (5, 1, math.inf)),
            ([(-5, 1, 1.0), (-6, 2, 3.0)], (-5, 1, 1.0)),
            ([(2**53, 1, 1.0), (2**53 + 1, 1, 3.0)], (2**53 + 1, 1, 3.0)),
        ],
    )
    @pytest.mark.parametrize("together", [True, False])
    def test_a_run_shows_the_point_of_the_highest_step_then_time_then_value(
        self, storage: Storage, points: list[tuple[int, int, float]], last: tuple[int, int, float], *, together: bool
    ) -> None:
        for order in (points, points[::-1]):
            run_id = add_run(storage)
            sent = [metric("m", value, step, time) for step, time, value in order]
            for part in [sent] if together else [[point] for point in sent]:
                log(storage, run_id, part)
            found = last_of(storage, run_id, "m")
            assert repr((found.step, found.timestamp, found.value)) == repr(last)

    def test_pages_of_history_join_to_the_whole(self, storage: Storage) -> None:
        run_id = add_run(storage)
        points = [metric("m", step / 7 if step % 5 else math.nan, step, NOW_MS + step // 3) for step in range(40)]
        log(storage, run_id, points[:25])
        with storage.write() as tx:
            tx.metrics.fold(run_id)
        log(storage, run_id, points[25:])
        found: list[Metric] = []
        token, sizes = None, []
        while True:
            with storage.read() as tx:
                page = tx.metrics.history(run_id, "m", max_results=16, page_token=token)
            found += page.items
            sizes.append(len(page.items))
            token = page.next_token
            if token is None:
                break
            log(storage, run_id, [metric("m", -1.0, 0, 1)])  # before the place that was reached

        assert repr(found) == repr(points)
        assert sizes == [16, 16, 8]

    @pytest.mark.parametrize("token", ["%%%", "bm9uc2Vuc2U", "é", "AAAA" * 9])
    def test_a_damaged_page_token_is_refused(self, storage: Storage, token: str) -> None:
        run_id = add_run(storage)
        log(storage, run_id, [metric("m", 1.0)])
        with storage.read() as tx, pytest.raises(InvalidParameterValue, match="page token"):
            tx.metrics.history(run_id, "m", max_results=1, page_token=token)

    def test_what_is_unknown_has_no_points(self, storage: Storage) -> None:
        run_id = add_run(storage)
        log(storage, run_id, [metric("m", 1.0)])
        with storage.read() as tx:
            for unknown in ((run_id, "other"), ("f" * 32, "m")):
                assert tx.metrics.history(*unknown).items == []
                assert tx.metrics.steps(*unknown, None, None) == []
                assert tx.metrics.points_at(*unknown, [0]) == []

    def test_steps_and_points_are_found_by_step(self, storage: Storage) -> None:
        run_id = add_run(storage)
        log(storage, run_id, [metric("m", 1.0, 4), metric("m", 2.0, 1), metric("m", 3.0, 1, 7), metric("m", 0.0, 9)])
        log(storage, run_id, [metric("other", 1.0, 5), metric("m", 9.0, 1)])
        with storage.read() as tx:
            assert tx.metrics.steps(run_id, "m", None, None) == [1, 4, 9]
            assert tx.metrics.steps(run_id, "m", 1, 4) == [1, 4]
            assert tx.metrics.steps(run_id, "m", 5, None) == [9]
            assert tx.metrics.steps(run_id, "m", None, 0) == []
            assert tx.metrics.points_at(run_id, "m", [4, 1, 5]) == [
                Point(1, 7, 3.0),
                Point(1, NOW_MS, 2.0),
                Point(1, NOW_MS, 9.0),
                Point(4, NOW_MS, 1.0),
            ]

    def test_readers_see_no_difference_after_a_fold(self, storage: Storage) -> None:
        run_id = add_run(storage)
        rng = random.Random(7)  # noqa: S311  # a test's data
        seen = []
        for _ in range(3):
            for _ in range(4):
                values = [rng.choice([rng.random(), math.nan, math.inf, 0.5]) for _ in range(30)]
                points = [
                    metric(rng.choice(["a", "b"]), value, rng.randrange(-20, 20), rng.randrange(100))
                    for value in values
                ]
                log(storage, run_id, points)
            before = self._all_that_is_read(storage, run_id)
            with storage.write() as tx:
                tx.metrics.fold(run_id)
                assert tx.metrics.fold(run_id) == 0
            assert self._all_that_is_read(storage, run_id) == before
            seen.append(before)
        assert len(set(seen)) == 3

    def test_the_ends_of_64_bits_and_odd_values_survive_a_fold(self, backend: Backend) -> None:
        run_id = add_run(backend.storage)
        places = [(step, time) for step in (MIN_INT64, -1, 0, MAX_INT64) for time in (0, 1, MAX_INT64)]
        points = [metric("m", value, step, time) for value in AWKWARD_NUMBERS for step, time in places]
        wanted = sorted((point.timestamp, point.step) for point in points if repr(point.value) != "-0.0")
        random.Random(2).shuffle(points)  # noqa: S311  # a test's data
        for part in (points[:50], points[50:100], points[100:]):
            log(backend.storage, run_id, part)
            with backend.storage.write() as tx:
                tx.metrics.fold(run_id)

        assert [(time, step) for time, step, _ in history(backend.storage, run_id, "m")] == wanted
        with backend.storage.read() as tx:
            for step in (MIN_INT64, MAX_INT64):
                values = [shown(point.value) for point in tx.metrics.points_at(run_id, "m", [step])]
                assert sorted(set(values) - {"-0.0", "0.0"}) == sorted(
                    shown(value) for value in AWKWARD_NUMBERS if value != 0
                )
                assert len(values) == 3 * (len(AWKWARD_NUMBERS) - 1)  # the two zeros are one value

    def test_points_that_a_fold_saw_and_points_that_none_saw_are_alike(self, storage: Storage) -> None:
        run_id = add_run(storage)
        log(storage, run_id, [metric("m", 1.0, step, NOW_MS + step) for step in (1, 3, 5)])
        with storage.write() as tx:
            tx.metrics.fold(run_id)
        log(storage, run_id, [metric("m", 1.0, step, NOW_MS + step) for step in (5, 0, 4, 3, 9)])

        assert [step for _, step, _ in history(storage, run_id, "m")] == [0, 1, 3, 4, 5, 9]
        with storage.read() as tx:
            assert tx.metrics.steps(run_id, "m", 1, 5) == [1, 3, 4, 5]
            assert [point.step for point in tx.metrics.points_at(run_id, "m", [3, 4, 9])] == [3, 4, 9]

    def test_a_run_without_points_has_nothing_to_fold(self, storage: Storage) -> None:
        run_id = add_run(storage)
        with storage.write() as tx:
            assert tx.metrics.fold(run_id) == 0
            assert list(tx.metrics.history(run_id, "m").items) == []

    def test_many_points_survive_a_fold(self, backend: Backend) -> None:
        run_id = add_run(backend.storage)
        points = [metric("m", float(step), step, NOW_MS + step) for step in range(10_000)]
        for start in (0, 5000, 2500, 7500):
            log(backend.storage, run_id, points[start : start + 2500])
            with backend.storage.write() as tx:
                tx.metrics.fold(run_id)

        assert len(backend.raw_points(run_id, "m")) == 10_000
        assert [value for _, _, value in history(backend.storage, run_id, "m")] == [p.value for p in points]
        with backend.storage.read() as tx:
            assert tx.metrics.points_at(run_id, "m", [5000]) == [Point(5000, NOW_MS + 5000, 5000.0)]
            page = tx.metrics.history(run_id, "m", max_results=3)
        assert [point.step for point in page.items] == [0, 1, 2]

    def test_a_fold_step_folds_the_runs_that_have_many_frames(self, storage: Storage) -> None:
        busy, quiet = add_run(storage), add_run(storage)
        log(storage, quiet, [metric("m", 1.0)])
        for step in range(100):
            log(storage, busy, [metric("m", 1.0, step)])
        storage.fold_step(10)
        assert storage.fold_step(10) == 0
        assert [step for _, step, _ in history(storage, busy, "m")] == list(range(100))
        assert [step for _, step, _ in history(storage, quiet, "m")] == [0]

    def test_a_point_with_a_model_is_a_metric_of_the_model_too(self, storage: Storage) -> None:
        run_id, model_id = add_run(storage), add_model(storage)
        log(storage, run_id, [metric("auc", math.nan, 2, model_id=model_id), metric("auc", 0.5, 1)])
        with storage.read() as tx:
            of_model = tx.logged_models.get(model_id).data.metrics

        assert [(m.key, m.step, m.timestamp, m.model_id, m.run_id) for m in of_model] == [
            ("auc", 2, NOW_MS, model_id, run_id)
        ]
        assert math.isnan(of_model[0].value)
        assert [step for _, step, _ in history(storage, run_id, "auc")] == [1, 2]

    def test_an_unknown_run_or_model_is_not_found_and_nothing_is_written(self, backend: Backend) -> None:
        run_id = add_run(backend.storage)
        with pytest.raises(NotFound):
            log(backend.storage, "f" * 32, [metric("m", 1.0)])
        with pytest.raises(NotFound):
            log(backend.storage, run_id, [metric("m", 1.0), metric("n", 1.0, model_id="m-" + "f" * 32)])

        assert backend.raw_points(run_id, "m") == []

    def _all_that_is_read(self, storage: Storage, run_id: str) -> str:
        with storage.read() as tx:
            steps = {key: tx.metrics.steps(run_id, key, None, None) for key in ("a", "b")}
            points = {key: tx.metrics.points_at(run_id, key, steps[key]) for key in steps}
            last = tx.runs.get(run_id).data.metrics
            histories = [tx.metrics.history(run_id, key).items for key in steps]
        return repr((steps, points, last, histories))
