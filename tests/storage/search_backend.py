"""A store as the search contract drives it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from runebook.core.datasets import Dataset, DatasetInput
from runebook.core.experiments import LifecycleStage, ViewType
from runebook.core.ids import DEFAULT_EXPERIMENT_ID, RunId
from runebook.core.metrics import Metric
from runebook.core.params import Param
from runebook.core.runs import RunStatus
from runebook.core.tags import DATA_CONTEXT, Tag
from runebook.storage.base import NewRun, SearchQuery, Storage
from runebook.testing.records import series
from runebook.testing.search_records import RunCase


class StoreSearchBackend:
    """Runs go to the default experiment."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def log(self, runs: Sequence[RunCase]) -> None:
        with self._storage.write() as tx:
            for case in runs:
                run_id = RunId(case.run_id)
                status, tags = RunStatus(case.status), [Tag(key=key, value=value) for key, value in case.tags.items()]
                start = (run_id, DEFAULT_EXPERIMENT_ID, case.run_name, case.user_id, case.start_time)
                tx.runs.create([NewRun(*start, f"file:///artifacts/{run_id}", status, tags)])
                tx.runs.update(run_id, end_time=case.end_time)
                tx.params.add({run_id: [Param(key=key, value=value) for key, value in case.params.items()]})
                for key, values in case.metrics.items():
                    points = [Metric(key=key, value=value, timestamp=0, step=step) for step, value in enumerate(values)]
                    tx.metrics.append({run_id: series(points)})
                tx.datasets.log_inputs(
                    run_id, [_input(each.name, each.digest, each.context) for each in case.datasets], []
                )
                tx.runs.set_stage(run_id, LifecycleStage(case.lifecycle_stage), 1)

    def search(
        self, filter_text: str, order_by: Sequence[str], max_results: int = 1000, page_token: str | None = None
    ) -> tuple[list[str], str | None]:
        with self._storage.read() as tx:
            query = SearchQuery(filter_text, order_by, ViewType.ALL, max_results, page_token)
            page = tx.runs.search([DEFAULT_EXPERIMENT_ID], query)
        return [run.info.run_id for run in page.items], page.next_token


def _input(name: str | None, digest: str | None, context: str | None) -> DatasetInput:
    dataset = Dataset(name=name or "", digest=digest or "", source_type="local", source=json.dumps(name))
    return DatasetInput(dataset=dataset, tags=[] if context is None else [Tag(key=DATA_CONTEXT, value=context)])
