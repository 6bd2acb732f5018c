"""Methods on logged models."""

from __future__ import annotations

from typing import Any

from runebook.api.logged_models import (
    CreateLoggedModel,
    DatasetFilter,
    DeleteLoggedModel,
    DeleteLoggedModelTag,
    FinalizeLoggedModel,
    GetLoggedModel,
    LoggedModelOrderBy,
    LogLoggedModelParams,
    SearchLoggedModels,
    SetLoggedModelTags,
)
from runebook.client.entities import LoggedModel, LoggedModelStatus
from runebook.client.methods.base import Methods
from runebook.client.paging import PagedList
from runebook.client.values import key_text, make_params, make_tags, texts, whole_number
from runebook.core.errors import InvalidParameterValue
from runebook.core.ids import ExperimentId, ModelId
from runebook.core.logged_models import LoggedModelStatus as CoreLoggedModelStatus

DEFAULT_SEARCH_LOGGED_MODELS = 100


class LoggedModelMethods(Methods):
    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Pending until `finalize_logged_model` says that its files are there."""
        reply: CreateLoggedModel.Reply = self._call(
            CreateLoggedModel(
                experiment_id=ExperimentId(str(experiment_id)),
                name=name,
                source_run_id=source_run_id,
                tags=make_tags(tags),
                params=make_params(params or {}),
                model_type=model_type,
            )
        )
        return LoggedModel.of(reply.model)

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """Raises NotFound: there is none, or it is in the trash."""
        reply: GetLoggedModel.Reply = self._call(GetLoggedModel(model_id=ModelId(model_id)))
        return LoggedModel.of(reply.model)

    def finalize_logged_model(self, model_id: str, status: LoggedModelStatus | str) -> LoggedModel:
        """READY or FAILED."""
        reply: FinalizeLoggedModel.Reply = self._call(
            FinalizeLoggedModel(model_id=ModelId(model_id), status=_core_status(status))
        )
        return LoggedModel.of(reply.model)

    def delete_logged_model(self, model_id: str) -> None:
        self._call(DeleteLoggedModel(model_id=ModelId(model_id)))

    def set_logged_model_tags(self, model_id: str, tags: dict[str, Any]) -> None:
        self._call(SetLoggedModelTags(model_id=ModelId(model_id), tags=make_tags(tags)))

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Raises NotFound: the model has no such tag."""
        self._call(DeleteLoggedModelTag(model_id=ModelId(model_id), tag_key=key_text(key)))

    def log_model_params(self, model_id: str, params: dict[str, str]) -> None:
        """Each is written once."""
        self._call(LogLoggedModelParams(model_id=ModelId(model_id), params=make_params(params)))

    def search_logged_models(
        self,
        experiment_ids: list[str],
        filter_string: str | None = None,
        datasets: list[dict[str, Any]] | None = None,
        max_results: int | None = None,
        order_by: list[dict[str, Any]] | None = None,
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """One page; `datasets` and `order_by` are dicts with MLflow's keys (`dataset_name`, `field_name`, ...)."""
        limit = DEFAULT_SEARCH_LOGGED_MODELS if max_results is None else whole_number("max_results", max_results)
        reply: SearchLoggedModels.Reply = self._call(
            SearchLoggedModels(
                experiment_ids=[ExperimentId(experiment_id) for experiment_id in texts(experiment_ids)],
                filter=filter_string,
                datasets=[_dataset_filter(dataset) for dataset in datasets or []],
                max_results=limit,
                order_by=[_order(key) for key in order_by or []],
                page_token=page_token,
            )
        )
        return PagedList((LoggedModel.of(found) for found in reply.models), reply.next_page_token)


def _core_status(status: LoggedModelStatus | str) -> CoreLoggedModelStatus:
    name = status.value if isinstance(status, LoggedModelStatus) else status
    try:
        return CoreLoggedModelStatus[name]
    except KeyError:
        raise InvalidParameterValue(f"Not a status of a logged model: {status!r}. Use READY or FAILED.") from None


def _dataset_filter(fields: dict[str, Any]) -> DatasetFilter:
    if not fields.get("dataset_name"):
        raise InvalidParameterValue(f"Each of 'datasets' must have a 'dataset_name', got {fields!r}.")
    return DatasetFilter(dataset_name=fields["dataset_name"], dataset_digest=fields.get("dataset_digest"))


def _order(fields: dict[str, Any]) -> LoggedModelOrderBy:
    known = {"field_name", "ascending", "dataset_name", "dataset_digest"}
    if "field_name" not in fields or set(fields) - known:
        raise InvalidParameterValue(
            f"Each of 'order_by' must have a 'field_name', and may have {sorted(known - {'field_name'})}: {fields!r}."
        )
    return LoggedModelOrderBy(**fields)
