"""Methods on experiments."""

from __future__ import annotations

from typing import Any

from runebook.api.experiments import (
    CreateExperiment,
    DeleteExperiment,
    DeleteExperimentTag,
    GetExperiment,
    GetExperimentByName,
    RestoreExperiment,
    SearchExperiments,
    SetExperimentTag,
    UpdateExperiment,
)
from runebook.client.entities import Experiment, ViewType, core_view
from runebook.client.methods.base import Methods
from runebook.client.paging import PagedList
from runebook.client.values import key_text, make_tags, texts, whole_number
from runebook.core.errors import NotFound
from runebook.core.ids import ExperimentId

DEFAULT_SEARCH_EXPERIMENTS = 1000


class ExperimentMethods(Methods):
    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: dict[str, Any] | None = None
    ) -> str:
        """Returns the new experiment's id. Raises AlreadyExists: the name is taken, be it in the trash."""
        reply: CreateExperiment.Reply = self._call(
            CreateExperiment(name=name, artifact_location=artifact_location or None, tags=make_tags(tags))
        )
        return reply.experiment_id

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Deleted ones included. Raises NotFound."""
        reply: GetExperiment.Reply = self._call(GetExperiment(experiment_id=ExperimentId(str(experiment_id))))
        return Experiment.of(reply.experiment)

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Deleted ones included; None when there is none."""
        try:
            reply: GetExperimentByName.Reply = self._call(GetExperimentByName(experiment_name=name))
        except NotFound:
            return None
        return Experiment.of(reply.experiment)

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int | None = DEFAULT_SEARCH_EXPERIMENTS,
        filter_string: str | None = None,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """One page; by default the newest first."""
        limit = DEFAULT_SEARCH_EXPERIMENTS if max_results is None else whole_number("max_results", max_results)
        reply: SearchExperiments.Reply = self._call(
            SearchExperiments(
                max_results=limit,
                page_token=page_token,
                filter=filter_string,
                order_by=texts(order_by),
                view_type=core_view(view_type),
            )
        )
        return PagedList((Experiment.of(found) for found in reply.experiments), reply.next_page_token)

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        self._call(UpdateExperiment(experiment_id=ExperimentId(str(experiment_id)), new_name=new_name))

    def delete_experiment(self, experiment_id: str) -> None:
        """Moves it and its runs to the trash."""
        self._call(DeleteExperiment(experiment_id=ExperimentId(str(experiment_id))))

    def restore_experiment(self, experiment_id: str) -> None:
        self._call(RestoreExperiment(experiment_id=ExperimentId(str(experiment_id))))

    def set_experiment_tag(self, experiment_id: str, key: str, value: Any) -> None:
        tag = SetExperimentTag(experiment_id=ExperimentId(str(experiment_id)), key=key_text(key), value=str(value))
        self._call(tag)

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Raises NotFound: the experiment has no such tag."""
        self._call(DeleteExperimentTag(experiment_id=ExperimentId(str(experiment_id)), key=key_text(key)))
