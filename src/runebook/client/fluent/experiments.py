"""Experiments, and which of them new runs go to."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from runebook.client import offline
from runebook.client.client import Client
from runebook.client.entities import Experiment, ViewType
from runebook.config import Settings
from runebook.core.errors import AlreadyExists, InvalidParameterValue, NotSupported
from runebook.core.experiments import LifecycleStage
from runebook.core.ids import DEFAULT_EXPERIMENT_ID

_ID_VARIABLE = "RUNEBOOK_EXPERIMENT_ID"
_NAME_VARIABLE = "RUNEBOOK_EXPERIMENT_NAME"


class _Chosen(NamedTuple):
    tracking_uri: str
    experiment_id: str
    """Empty when it was chosen by name and away from the store."""
    name: str
    """Empty when it was chosen by id and away from the store."""


_chosen: _Chosen | None = None


def set_experiment(
    experiment_name: str | None = None, experiment_id: str | None = None, trace_location: Any = None
) -> Experiment:
    """New runs of this process and of those it starts go there; by name, it is made when there is none.

    Raises:
        InvalidParameterValue: both a name and an id, or neither; or the experiment is in the trash.

    """
    global _chosen  # one choice per process, as in MLflow
    _refuse_trace_location(trace_location)
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidParameterValue("Give either 'experiment_name' or 'experiment_id'.")
    client = Client()
    experiment = offline.in_store_or_away(
        client,
        lambda: _found(client, experiment_name, experiment_id),
        lambda: Experiment(experiment_id or "", experiment_name or "", "", LifecycleStage.ACTIVE.value),
    )
    if experiment.lifecycle_stage != LifecycleStage.ACTIVE.value:
        raise InvalidParameterValue(
            f"The experiment {experiment.name!r} (id {experiment.experiment_id}) is deleted. Restore it with "
            f"restore_experiment({experiment.experiment_id!r}), or choose another name."
        )
    _chosen = _Chosen(client.tracking_uri, experiment.experiment_id, experiment.name)
    os.environ[_ID_VARIABLE], os.environ[_NAME_VARIABLE] = experiment.experiment_id, experiment.name
    os.environ.pop(_NAME_VARIABLE if experiment.experiment_id else _ID_VARIABLE)
    return experiment


def _found(client: Client, name: str | None, experiment_id: str | None) -> Experiment:
    return client.get_experiment(experiment_id) if experiment_id is not None else _named(client, name or "")


def chosen_experiment_id(client: Client) -> str | None:
    """What `set_experiment` chose; in another store, the experiment of the same name, which is made when needed."""
    if _chosen is None:
        return None
    if _chosen.experiment_id and (_chosen.tracking_uri == client.tracking_uri or not _chosen.name):
        return _chosen.experiment_id
    return set_experiment(_chosen.name).experiment_id


def known_experiment(settings: Settings, experiment_id: str | None) -> offline.Experiment:
    """Where a new run goes that cannot ask its store: by name if there is one, for ids are those of one store."""
    if experiment_id:
        return offline.Experiment(experiment_id, None)
    if _chosen is not None:
        return offline.Experiment(None if _chosen.name else _chosen.experiment_id, _chosen.name or None)
    return offline.Experiment(None if settings.experiment_name else settings.experiment_id, settings.experiment_name)


def current_experiment_id(client: Client, settings: Settings) -> str:
    """Where a new run goes: what was chosen, else what the environment names, else the default experiment.

    Raises:
        InvalidParameterValue: the environment's name and id are two experiments.

    """
    chosen = chosen_experiment_id(client)
    if chosen is not None:
        return chosen
    if settings.experiment_name is None:
        return settings.experiment_id or DEFAULT_EXPERIMENT_ID
    found = _named(client, settings.experiment_name).experiment_id
    if settings.experiment_id not in {None, found}:
        raise InvalidParameterValue(
            f"The environment names two experiments: {settings.experiment_name!r} has the id {found}, but the id "
            f"variable says {settings.experiment_id}. Unset one of the two."
        )
    return found


def create_experiment(
    name: str, artifact_location: str | None = None, tags: dict[str, Any] | None = None, trace_location: Any = None
) -> str:
    """Returns the new experiment's id. Raises AlreadyExists: the name is taken, be it in the trash."""
    _refuse_trace_location(trace_location)
    return Client().create_experiment(name, artifact_location, tags)


def get_experiment(experiment_id: str) -> Experiment:
    """Deleted ones included. Raises NotFound."""
    return Client().get_experiment(experiment_id)


def get_experiment_by_name(name: str) -> Experiment | None:
    """Deleted ones included; None when there is none."""
    return Client().get_experiment_by_name(name)


def search_experiments(
    view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: list[str] | None = None,
) -> list[Experiment]:
    """All that match, up to `max_results` (None: all); by default the newest first."""
    client = Client()
    found: list[Experiment] = []
    token: str | None = None
    while max_results is None or len(found) < max_results:
        size = 1000 if max_results is None else min(1000, max_results - len(found))
        page = client.search_experiments(view_type, size, filter_string, order_by, token)
        found.extend(page)
        token = page.token
        if not token:
            break
    return found


def delete_experiment(experiment_id: str) -> None:
    """Moves it and its runs to the trash."""
    Client().delete_experiment(experiment_id)


def restore_experiment(experiment_id: str) -> None:
    """Brings it back, with the runs that went with it."""
    Client().restore_experiment(experiment_id)


def set_experiment_tag(key: str, value: Any) -> None:
    """Of the experiment that new runs go to."""
    set_experiment_tags({key: value})


def set_experiment_tags(tags: dict[str, Any]) -> None:
    """Of the experiment that new runs go to; one after the other."""
    client = Client()
    experiment_id = current_experiment_id(client, Settings.read())
    for key, value in tags.items():
        client.set_experiment_tag(experiment_id, key, value)


def delete_experiment_tag(key: str) -> None:
    """Of the experiment that new runs go to. Raises NotFound: it has no such tag."""
    client = Client()
    client.delete_experiment_tag(current_experiment_id(client, Settings.read()), key)


def _named(client: Client, name: str) -> Experiment:
    """The experiment of a name, made when there is none; two processes that ask at once get the same."""
    experiment = client.get_experiment_by_name(name)
    if experiment is not None:
        return experiment
    try:
        return client.get_experiment(client.create_experiment(name))
    except AlreadyExists:
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            raise
        return experiment


def _refuse_trace_location(trace_location: Any) -> None:
    if trace_location is not None:
        raise NotSupported("Traces are not supported: leave 'trace_location' out.")
