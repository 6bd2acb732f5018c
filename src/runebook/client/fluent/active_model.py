"""The logged model that metrics belong to unless they name another."""

from __future__ import annotations

import os
from contextvars import ContextVar
from types import TracebackType

from runebook.client import active_run as active
from runebook.client.client import Client
from runebook.client.entities import LoggedModel
from runebook.client.fluent.experiments import current_experiment_id
from runebook.config import Settings
from runebook.core.errors import InvalidParameterValue

IS_EXTERNAL = "mlflow.model.isExternal"
_VARIABLE = "RUNEBOOK_ACTIVE_MODEL_ID"

_active: ContextVar[str | None] = ContextVar("runebook_active_model", default=None)


class ActiveModel(LoggedModel, frozen=True, dict=True):
    """A model that metrics belong to; at the end of a `with` block the one before it is active again."""

    def __enter__(self) -> ActiveModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _activate(self.__dict__.get("former_model_id"))


def set_active_model(*, name: str | None = None, model_id: str | None = None) -> ActiveModel:
    """Metrics belong to this model from now on, in child processes too; by name, it is made when there is none.

    Raises:
        InvalidParameterValue: both a name and an id, or neither.

    """
    if (name is None) == (model_id is None):
        raise InvalidParameterValue("Give either 'name' or 'model_id'.")
    client = Client()
    model = client.get_logged_model(model_id) if model_id is not None else _named(client, str(name))
    chosen = ActiveModel(*(getattr(model, field) for field in LoggedModel.__struct_fields__))
    chosen.__dict__["former_model_id"] = get_active_model_id()
    _activate(model.model_id)
    return chosen


def get_active_model_id() -> str | None:
    """What was set here, else RUNEBOOK_ACTIVE_MODEL_ID or MLFLOW_ACTIVE_MODEL_ID."""
    chosen = _active.get()
    if chosen is not None:
        return chosen
    return os.environ.get(_VARIABLE) or os.environ.get("MLFLOW_ACTIVE_MODEL_ID") or None


def clear_active_model() -> None:
    """Metrics belong to no model but those they name."""
    _activate(None)


def _activate(model_id: str | None) -> None:
    _active.set(model_id)
    active.quick.set(None)
    if model_id is None:
        os.environ.pop(_VARIABLE, None)
    else:
        os.environ[_VARIABLE] = model_id


def _named(client: Client, name: str) -> LoggedModel:
    """The newest model of the name in the current experiment; without one, a new one whose files are elsewhere."""
    experiment_id = current_experiment_id(client, Settings.read())
    quoted = name.replace("'", "''")
    found = client.search_logged_models([experiment_id], f"name = '{quoted}'", max_results=1)
    if found:
        return found[0]
    model = client.create_logged_model(experiment_id, name, tags={IS_EXTERNAL: "true"})
    return client.finalize_logged_model(model.model_id, "READY")
