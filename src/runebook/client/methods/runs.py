"""Methods on runs as a whole."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from runebook.api.runs import CreateRun, DeleteRun, GetRun, RestoreRun, SearchRuns, UpdateRun
from runebook.client.entities import Metric, Param, Run, RunTag, ViewType, core_status, core_view
from runebook.client.methods.base import Methods
from runebook.client.paging import PagedList
from runebook.client.run_operations import RunOperations
from runebook.client.values import make_metric, make_tags, texts, whole_number
from runebook.core import params as core_params
from runebook.core import tags as core_tags
from runebook.core.clock import now_ms
from runebook.core.errors import AlreadyExists, NotFound, NotSupported
from runebook.core.ids import ExperimentId, RunId
from runebook.core.runs import RunStatus


class RunMethods(Methods):
    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: dict[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """A running run, which nothing ends by itself: `start_run` of the fluent API does."""
        made = make_tags(tags)
        reply: CreateRun.Reply = self._call(
            CreateRun(
                experiment_id=ExperimentId(str(experiment_id)),
                user_id=next((tag.value for tag in made if tag.key == core_tags.USER), "unknown"),
                run_name=run_name or None,
                start_time=now_ms() if start_time is None else whole_number("start_time", start_time),
                tags=made,
            )
        )
        return Run.of(reply.run)

    def create_run_as(
        self, run_id: str, experiment_id: str, tags: dict[str, Any] | None = None, run_name: str | None = None
    ) -> Run:
        """A running run with an id that was chosen here, so that one whose making was never answered is known again.

        An MLflow server gives it another id.

        Raises:
            AlreadyExists: there is a run with this id.

        """
        made = make_tags(tags)
        reply: CreateRun.Reply = self._call(
            CreateRun(
                experiment_id=ExperimentId(str(experiment_id)),
                user_id=next((tag.value for tag in made if tag.key == core_tags.USER), "unknown"),
                run_name=run_name or None,
                start_time=now_ms(),
                tags=made,
                run_id=RunId(run_id) if self.transport.takes_frames() else None,
            )
        )
        return Run.of(reply.run)

    def get_or_create_run(
        self, run_id: str, experiment_id: str, tags: dict[str, Any] | None = None, run_name: str | None = None
    ) -> Run:
        """The run with this id, made if it is not there; of several processes that ask at once, one makes it.

        Raises:
            NotSupported: it is not there, and the server is MLflow's, which gives ids itself.

        """
        try:
            return self.get_run(run_id)
        except NotFound:
            if not self.transport.takes_frames():
                raise NotSupported(
                    f"There is no run {run_id}, and an MLflow server chooses ids itself: make the run with "
                    "create_run() in one process, and pass its id to the others."
                ) from None
        with contextlib.suppress(AlreadyExists):  # another process was quicker
            self.create_run_as(run_id, experiment_id, tags, run_name)
        return self.get_run(run_id)

    def get_run(self, run_id: str) -> Run:
        """Deleted ones included. Raises NotFound."""
        reply: GetRun.Reply = self._call(GetRun(run_id=RunId(run_id)))
        return Run.of(reply.run)

    def get_parent_run(self, run_id: str) -> Run | None:
        parent_id = self.get_run(run_id).data.tags.get(core_tags.PARENT_RUN_ID)
        return self.get_run(parent_id) if parent_id else None

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        self._call(
            UpdateRun(run_id=RunId(run_id), status=None if status is None else core_status(status), run_name=name)
        )

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        """By default FINISHED, now. Returns when the store has it, and all that was logged before."""
        self.log.status(
            RunId(run_id),
            RunStatus.FINISHED if status is None else core_status(status),
            now_ms() if end_time is None else whole_number("end_time", end_time),
        )
        self.log.flush()

    def delete_run(self, run_id: str) -> None:
        self._call(DeleteRun(run_id=RunId(run_id)))
        self.log.forget(run_id)

    def restore_run(self, run_id: str) -> None:
        self._call(RestoreRun(run_id=RunId(run_id)))

    def search_runs(
        self,
        experiment_ids: list[str],
        filter_string: str = "",
        run_view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """One page; by default the latest first."""
        reply: SearchRuns.Reply = self._call(
            SearchRuns(
                experiment_ids=[ExperimentId(experiment_id) for experiment_id in texts(experiment_ids)],
                filter=filter_string or None,
                run_view_type=core_view(run_view_type),
                max_results=whole_number("max_results", max_results),
                order_by=texts(order_by),
                page_token=page_token,
            )
        )
        return PagedList((Run.of(found) for found in reply.runs), reply.next_page_token)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,
    ) -> RunOperations | None:
        """All or nothing up to 1000 metrics, 100 params and 100 tags; more go in several batches."""
        points = [
            make_metric(
                item.key, item.value, item.timestamp, item.step, item.model_id, item.dataset_name, item.dataset_digest
            )
            for item in metrics
        ]
        settings = [core_params.Param(key=item.key, value=str(item.value)) for item in params]
        marks = [core_tags.Tag(key=item.key, value=str(item.value)) for item in tags]
        return self._perform(lambda: self.log.batch(RunId(run_id), points, settings, marks), synchronous)
