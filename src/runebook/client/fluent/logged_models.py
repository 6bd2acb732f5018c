"""Logged models: what the active run makes, before and beside its registration."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal

from runebook.client import active_run as active
from runebook.client.client import Client
from runebook.client.entities import LoggedModel, LoggedModelStatus
from runebook.client.extras import require
from runebook.client.fluent.active_model import IS_EXTERNAL, get_active_model_id
from runebook.client.fluent.experiments import current_experiment_id
from runebook.config import Settings
from runebook.core.errors import InvalidParameterValue

if TYPE_CHECKING:
    import pandas as pd

PAGE = 100

_last: ContextVar[tuple[str, Client] | None] = ContextVar("runebook_last_model", default=None)


def initialize_logged_model(
    name: str | None = None,
    source_run_id: str | None = None,
    tags: dict[str, str] | None = None,
    params: dict[str, str] | None = None,
    model_type: str | None = None,
    experiment_id: str | None = None,
) -> LoggedModel:
    """A pending model of the active run, if there is one; `finalize_logged_model` says that its files are there."""
    open_run = active.current()
    client = open_run.client if open_run else Client()
    source = source_run_id or (open_run.run_id if open_run else None)
    if experiment_id is None:
        in_run = open_run is not None and source == open_run.run_id
        experiment_id = (
            open_run.run.info.experiment_id
            if open_run is not None and in_run
            else current_experiment_id(client, Settings.read())
        )
    model = client.create_logged_model(experiment_id, name, source, tags, params, model_type)
    _last.set((model.model_id, client))
    return model


def create_external_model(
    name: str | None = None,
    source_run_id: str | None = None,
    tags: dict[str, str] | None = None,
    params: dict[str, str] | None = None,
    model_type: str | None = None,
    experiment_id: str | None = None,
) -> LoggedModel:
    """A model whose files are kept elsewhere; it is ready at once."""
    marked = {IS_EXTERNAL: "true"} | (tags or {})
    model = initialize_logged_model(name, source_run_id, marked, params, model_type, experiment_id)
    return finalize_logged_model(model.model_id, LoggedModelStatus.READY)


def finalize_logged_model(model_id: str, status: Literal["READY", "FAILED"] | LoggedModelStatus) -> LoggedModel:
    """Say whether the model's files are there."""
    return _client_of(model_id).finalize_logged_model(model_id, status)


def get_logged_model(model_id: str) -> LoggedModel:
    """Raises NotFound: there is none, or it is in the trash."""
    return _client_of(model_id).get_logged_model(model_id)


def last_logged_model() -> LoggedModel | None:
    """The model that this thread or task made last, as the store has it now."""
    last = _last.get()
    return last[1].get_logged_model(last[0]) if last else None


def log_model_params(params: dict[str, str], model_id: str | None = None) -> None:
    """Of the model, by default the active one; each is written once."""
    chosen = model_id or get_active_model_id()
    if chosen is None:
        raise InvalidParameterValue("There is no active model: give 'model_id', or call set_active_model first.")
    _client_of(chosen).log_model_params(chosen, params)


def set_logged_model_tags(model_id: str, tags: dict[str, Any]) -> None:
    """Set tags, or change their values."""
    _client_of(model_id).set_logged_model_tags(model_id, tags)


def delete_logged_model_tag(model_id: str, key: str) -> None:
    """Raises NotFound: the model has no such tag."""
    _client_of(model_id).delete_logged_model_tag(model_id, key)


def search_logged_models(
    experiment_ids: list[str] | None = None,
    filter_string: str | None = None,
    datasets: list[dict[str, str]] | None = None,
    max_results: int | None = None,
    order_by: list[dict[str, Any]] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
) -> list[LoggedModel] | pd.DataFrame:
    """Models of the given experiments, else of the active one, up to `max_results` (None: all)."""
    if output_format not in {"pandas", "list"}:
        raise InvalidParameterValue(f"Unsupported output format: {output_format!r}. Use 'pandas' or 'list'.")
    pandas = require("pandas", extra="pandas", other_way='output_format="list"') if output_format == "pandas" else None
    client = Client()
    chosen = experiment_ids or [current_experiment_id(client, Settings.read())]
    models: list[LoggedModel] = []
    token: str | None = None
    while max_results is None or len(models) < max_results:
        size = PAGE if max_results is None else min(PAGE, max_results - len(models))
        page = client.search_logged_models(chosen, filter_string, datasets, size, order_by, token)
        models.extend(page)
        token = page.token
        if not token:
            break
    if pandas is None:
        return models
    frame: pd.DataFrame = pandas.DataFrame([model.to_dictionary() for model in models])
    return frame


def _client_of(model_id: str) -> Client:
    """The store that the model was made in, if this context made it; else the current one."""
    last = _last.get()
    return last[1] if last and last[0] == model_id else Client()
