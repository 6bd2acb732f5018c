"""Metrics: a file a key, a line a point; and those of logged models beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from runebook.core.metrics import Metric, MetricSummary, Point
from runebook.search.page_tokens import SortValue, decode_token, encode_token, query_digest, sort_value
from runebook.search.tree import Key
from runebook.search.vocabulary import RUNS, OrderKey
from runebook.storage.base import HistoryPage, Series
from runebook.storage.files import keyed, series
from runebook.storage.files.series import Sample, lines
from runebook.storage.files.view import View

KIND = "metrics"

# numbers all three, which is what a token needs to know
_BY_TIME = tuple(OrderKey(Key("metric", name)) for name in ("time", "step", "value"))


class MetricFiles:
    """The MetricStore of files."""

    def __init__(self, view: View) -> None:
        self._view = view

    def append(self, series: Mapping[str, Sequence[Series]]) -> None:
        folders = {run_id: self._view.run(run_id) for run_id in series}
        models = {
            one.model_id: self._view.model(one.model_id) for many in series.values() for one in many if one.model_id
        }
        added: dict[str, list[bytes]] = {}
        for run_id, many in series.items():
            for one in many:
                self._add(added, folders[run_id], one.key, lines(one))
                if one.model_id:
                    self._add(added, models[one.model_id], one.key, lines(one, run_id))
        for path, parts in added.items():
            self._view.files.append(path, b"".join(parts))

    def _add(self, added: dict[str, list[bytes]], owner: str, key: str, part: bytes) -> None:
        path = keyed.place(self._view.files, owner, KIND, key)
        if path not in added:
            added[path] = []
            self._view.files.append(path, b"")  # the next key finds its place with this one in mind
        added[path].append(part)

    def history(
        self, run_id: str, key: str, *, max_results: int | None = None, page_token: str | None = None
    ) -> HistoryPage:
        found = sorted(self._samples(run_id, key), key=series.by_time)
        digest = query_digest("history", run_id, key)
        if page_token:
            after = [_comparable(value) for value in decode_token(page_token, digest, _BY_TIME, RUNS)]
            found = [sample for sample in found if [_comparable(value) for value in _place(sample)] > after]
        page = found if max_results is None else found[:max_results]
        token = encode_token(digest, _place(page[-1])) if page and len(page) < len(found) else None
        return HistoryPage([_metric(key, sample) for sample in page], token)

    def steps(self, run_id: str, key: str, start_step: int | None, end_step: int | None) -> list[int]:
        steps = {sample.step for sample in self._samples(run_id, key)}
        return sorted(
            step
            for step in steps
            if (start_step is None or step >= start_step) and (end_step is None or step <= end_step)
        )

    def points_at(self, run_id: str, key: str, steps: Iterable[int]) -> list[Point]:
        wanted = set(steps)
        found = [sample for sample in self._samples(run_id, key) if sample.step in wanted]
        return [Point(sample.step, sample.time, sample.value) for sample in sorted(found, key=series.by_step)]

    def fold(self, run_id: str, *, at_least: int = 1) -> int:
        """Nothing to do: lines are all there is."""
        del run_id, at_least
        return 0

    def _samples(self, run_id: str, key: str) -> list[Sample]:
        """All points of a series; none where there is no such run or key."""
        if not self._view.has_run(run_id):
            return []
        path = keyed.find(self._view.files, self._view.run(run_id), KIND, key)
        return [] if path is None else series.samples(path, self._view.files.read(path) or b"")


def summaries(view: View, run: str) -> Iterator[MetricSummary]:
    """The summary of each metric of a run's folder, in the order of keys."""
    for key, path in keyed.paths(view.files, run, KIND):
        found = view.caches.summaries.read(view.files, path, key)
        if found is not None:
            yield found


def summary_of(view: View, run: str, key: str) -> MetricSummary | None:
    path = keyed.find(view.files, run, KIND, key)
    return None if path is None else view.caches.summaries.read(view.files, path, key)


def of_model(view: View, model: str) -> dict[str, list[Sample]]:
    """The series of each metric of a logged model's folder, in the order of keys."""
    return {
        key: series.samples(path, view.files.read(path) or b"", with_run=True)
        for key, path in keyed.paths(view.files, model, KIND)
    }


def _place(sample: Sample) -> list[SortValue]:
    return [sort_value(sample.time), sort_value(sample.step), sort_value(sample.value)]


def _comparable(value: SortValue) -> tuple[int, int, float | int | str]:
    return value.rank, value.kind, value.value


def _metric(key: str, sample: Sample) -> Metric:
    return Metric(
        key=key,
        value=sample.value,
        timestamp=sample.time,
        step=sample.step,
        dataset_name=sample.dataset_name,
        dataset_digest=sample.dataset_digest,
    )
