"""Runs: a folder each below that of their experiment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from runebook.core.errors import AlreadyExists, InvalidParameterValue
from runebook.core.experiments import LifecycleStage
from runebook.core.params import Param
from runebook.core.runs import Run, RunData, RunInfo, RunStatus
from runebook.core.tags import Tag
from runebook.search.evaluate import DatasetFacts, MetricFacts, matches
from runebook.search.order_by import parse_order_by
from runebook.search.page_tokens import page_of, query_digest
from runebook.search.parser import parse_filter
from runebook.search.vocabulary import RUNS
from runebook.storage.base import NewRun, Page, SearchQuery
from runebook.storage.files import datasets, keyed, metrics
from runebook.storage.files.layout import RUN_FOLDERS, check_experiment_id, is_run_id
from runebook.storage.files.run_folders import Found, all_runs, find, set_stage
from runebook.storage.files.view import View
from runebook.storage.files.yaml_files import Meta

_SOURCE_TYPE_LOCAL = 4


class RunFiles:
    """The RunStore of files."""

    def __init__(self, view: View) -> None:
        self._view = view

    def create(self, new_runs: Sequence[NewRun]) -> None:
        for new_run in new_runs:
            self._create(new_run)

    def _create(self, new_run: NewRun) -> None:
        experiment = self._view.experiment(new_run.experiment_id)
        if not is_run_id(new_run.run_id):
            raise InvalidParameterValue(f"Invalid run ID: '{new_run.run_id[:300]}'")
        if self._view.has_run(new_run.run_id):
            raise AlreadyExists(f"Run with id={new_run.run_id} already exists")
        folder = f"{experiment}/{new_run.run_id}"
        for name in RUN_FOLDERS:
            self._view.files.make_folder(f"{folder}/{name}")
        for tag in new_run.tags:
            keyed.write(self._view.files, folder, "tags", tag.key, tag.value)
        self._view.write_meta(
            folder,
            {
                "artifact_uri": new_run.artifact_uri,
                "end_time": None,
                "entry_point_name": "",
                "experiment_id": str(new_run.experiment_id),
                "lifecycle_stage": LifecycleStage.ACTIVE.value,
                "run_id": str(new_run.run_id),
                "run_name": new_run.run_name,
                "source_name": "",
                "source_type": _SOURCE_TYPE_LOCAL,
                "source_version": "",
                "start_time": new_run.start_time,
                "status": new_run.status.number,
                "tags": [],
                "user_id": new_run.user_id,
            },
        )

    def get_info(self, run_id: str) -> RunInfo:
        return find(self._view, run_id).info

    def locked(self, run_ids: Iterable[str], keys: Iterable[str] = ()) -> dict[str, RunInfo]:
        """A writer is alone."""
        del keys
        there = [run_id for run_id in sorted(set(run_ids)) if self._view.has_run(run_id)]
        return {run_id: find(self._view, run_id).info for run_id in there}

    def get(self, run_id: str) -> Run:
        return whole(self._view, find(self._view, run_id))

    def update(
        self,
        run_id: str,
        *,
        status: RunStatus | None = None,
        end_time: int | None = None,
        run_name: str | None = None,
    ) -> None:
        found = find(self._view, run_id)
        changed: Meta = {}
        if status is not None:
            changed["status"] = status.number
        if end_time is not None:
            changed["end_time"] = end_time
        if run_name is not None:
            changed["run_name"] = run_name
        if changed:
            self._view.write_meta(found.folder, found.meta | changed)

    def save(self, infos: Collection[RunInfo]) -> None:
        for info in infos:
            found = find(self._view, info.run_id)
            changed = {"status": info.status.number, "end_time": info.end_time, "run_name": info.run_name}
            self._view.write_meta(found.folder, found.meta | changed)

    def set_stage(self, run_id: str, stage: LifecycleStage, now_ms: int) -> None:
        set_stage(self._view, find(self._view, run_id), stage, now_ms)

    def search(self, experiment_ids: Sequence[str], query: SearchQuery) -> Page[Run]:
        tree = parse_filter(query.filter, RUNS)
        order = parse_order_by(query.order_by, RUNS)
        chosen = sorted({check_experiment_id(experiment_id) for experiment_id in experiment_ids})
        folders = [folder for folder in map(self._view.find_experiment, chosen) if folder is not None]
        rows = [_Row(self._view, found) for folder in folders for found in all_runs(self._view, folder)]
        rows = [row for row in rows if row.found.info.lifecycle_stage in query.view.stages and matches(tree, row)]
        digest = query_digest("runs", query.filter, order, query.view, chosen)
        page, token = page_of(rows, order, RUNS, query.max_results, query.page_token or None, digest)
        return Page([whole(self._view, row.found) for row in page], token)


def whole(view: View, found: Found) -> Run:
    """A run with all that it logged."""
    params = keyed.read_all(view.files, found.folder, "params")
    tags = keyed.read_all(view.files, found.folder, "tags")
    inputs, outputs = datasets.of_run(view, found.folder)
    return Run(
        info=found.info,
        data=RunData(
            metrics=[each.as_metric() for each in metrics.summaries(view, found.folder)],
            params=[Param(key=key, value=value) for key, value in params.items()],
            tags=[Tag(key=key, value=value) for key, value in tags.items()],
        ),
        inputs=inputs,
        outputs=outputs,
    )


class _Row:
    """A run as filters ask it; what is not asked for is not read."""

    def __init__(self, view: View, found: Found) -> None:
        self.found = found
        self._view = view

    def attribute(self, name: str) -> str | int | None:
        info = self.found.info
        if name == "status":
            return info.status.value
        if name == "lifecycle_stage":
            return info.lifecycle_stage.value
        if name == "experiment_id":
            return int(info.experiment_id)
        if name == "duration":
            return None if info.end_time is None else info.end_time - info.start_time
        value: str | int | None = getattr(info, name)
        return value

    def metric(
        self, key: str, dataset_name: str | None = None, dataset_digest: str | None = None
    ) -> MetricFacts | None:
        """Of runs, no dataset is asked for."""
        del dataset_name, dataset_digest
        found = metrics.summary_of(self._view, self.found.folder, key)
        if found is None:
            return None
        return MetricFacts(last=found.last, min=found.min, max=found.max, first=found.first, count=found.count)

    def param(self, key: str) -> str | None:
        return keyed.read(self._view.files, self.found.folder, "params", key)

    def tag(self, key: str) -> str | None:
        return keyed.read(self._view.files, self.found.folder, "tags", key)

    def datasets(self) -> Sequence[DatasetFacts]:
        return datasets.facts(self._view, self.found.folder)
