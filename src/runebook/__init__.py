"""Runebook: the lab book of machine-learning runs.

    import runebook as rb

    with rb.start_run():
        rb.log_param("depth", 3)
        rb.log_metric("loss", 0.1, step=1)

The names are MLflow's. They are imported when first used, so that `import runebook` costs next to nothing.
"""

from __future__ import annotations

import os
from importlib import import_module
from threading import RLock
from typing import TYPE_CHECKING, Any

from runebook._version import __version__

if TYPE_CHECKING:
    from runebook import artifacts, data, entities, exceptions, tracking
    from runebook.client.active_run import ActiveRun
    from runebook.client.client import Client
    from runebook.client.client import Client as MlflowClient
    from runebook.client.fluent.active_model import (
        ActiveModel,
        clear_active_model,
        get_active_model_id,
        set_active_model,
    )
    from runebook.client.fluent.artifacts import (
        get_artifact_uri,
        log_artifact,
        log_artifacts,
        log_dict,
        log_figure,
        log_stream,
        log_text,
    )
    from runebook.client.fluent.datasets import log_input, log_inputs, log_outputs
    from runebook.client.fluent.experiments import (
        create_experiment,
        delete_experiment,
        delete_experiment_tag,
        get_experiment,
        get_experiment_by_name,
        restore_experiment,
        search_experiments,
        set_experiment,
        set_experiment_tag,
        set_experiment_tags,
    )
    from runebook.client.fluent.logged_models import (
        create_external_model,
        delete_logged_model_tag,
        finalize_logged_model,
        get_logged_model,
        initialize_logged_model,
        last_logged_model,
        log_model_params,
        search_logged_models,
        set_logged_model_tags,
    )
    from runebook.client.fluent.metrics import (
        flush,
        flush_artifact_async_logging,
        flush_async_logging,
        log_metric,
        log_metrics,
    )
    from runebook.client.fluent.params import log_param, log_params
    from runebook.client.fluent.runs import (
        active_run,
        delete_run,
        end_run,
        get_parent_run,
        get_run,
        last_active_run,
        restore_run,
        start_run,
    )
    from runebook.client.fluent.search_runs import search_runs
    from runebook.client.fluent.tags import delete_tag, set_tag, set_tags
    from runebook.client.run_operations import RunOperations
    from runebook.client.tracking_uri import get_tracking_uri, is_tracking_uri_set, set_tracking_uri
    from runebook.core.errors import RunebookError
    from runebook.core.errors import RunebookError as MlflowException

__all__ = [
    "ActiveModel",
    "ActiveRun",
    "Client",
    "MlflowClient",
    "MlflowException",
    "RunOperations",
    "RunebookError",
    "__version__",
    "active_run",
    "artifacts",
    "clear_active_model",
    "create_experiment",
    "create_external_model",
    "data",
    "delete_experiment",
    "delete_experiment_tag",
    "delete_logged_model_tag",
    "delete_run",
    "delete_tag",
    "end_run",
    "entities",
    "exceptions",
    "finalize_logged_model",
    "flush",
    "flush_artifact_async_logging",
    "flush_async_logging",
    "get_active_model_id",
    "get_artifact_uri",
    "get_experiment",
    "get_experiment_by_name",
    "get_logged_model",
    "get_parent_run",
    "get_run",
    "get_tracking_uri",
    "initialize_logged_model",
    "is_tracking_uri_set",
    "last_active_run",
    "last_logged_model",
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_figure",
    "log_input",
    "log_inputs",
    "log_metric",
    "log_metrics",
    "log_model_params",
    "log_outputs",
    "log_param",
    "log_params",
    "log_stream",
    "log_text",
    "restore_experiment",
    "restore_run",
    "search_experiments",
    "search_logged_models",
    "search_runs",
    "set_active_model",
    "set_experiment",
    "set_experiment_tag",
    "set_experiment_tags",
    "set_logged_model_tags",
    "set_tag",
    "set_tags",
    "set_tracking_uri",
    "start_run",
    "tracking",
]

_HOMES = {
    "client.active_run": "ActiveRun",
    "client.client": "Client",
    "client.fluent.active_model": "ActiveModel clear_active_model get_active_model_id set_active_model",
    "client.fluent.artifacts": ("get_artifact_uri log_artifact log_artifacts log_dict log_figure log_stream log_text"),
    "client.fluent.datasets": "log_input log_inputs log_outputs",
    "client.fluent.experiments": (
        "create_experiment delete_experiment delete_experiment_tag get_experiment get_experiment_by_name "
        "restore_experiment search_experiments set_experiment set_experiment_tag set_experiment_tags"
    ),
    "client.fluent.logged_models": (
        "create_external_model delete_logged_model_tag finalize_logged_model get_logged_model "
        "initialize_logged_model last_logged_model log_model_params search_logged_models set_logged_model_tags"
    ),
    "client.fluent.metrics": "flush flush_artifact_async_logging flush_async_logging log_metric log_metrics",
    "client.fluent.params": "log_param log_params",
    "client.fluent.runs": (
        "active_run delete_run end_run get_parent_run get_run last_active_run restore_run start_run"
    ),
    "client.fluent.search_runs": "search_runs",
    "client.fluent.tags": "delete_tag set_tag set_tags",
    "client.run_operations": "RunOperations",
    "client.tracking_uri": "get_tracking_uri is_tracking_uri_set set_tracking_uri",
    "core.errors": "RunebookError",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
_ALIASES = {"MlflowClient": "Client", "MlflowException": "RunebookError"}
_MODULES = {"artifacts", "data", "entities", "exceptions", "tracking"}


_importing = RLock()
"""Held over imports and over forks: a child forked while a thread imports would wait for that import for ever."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_importing.acquire, after_in_parent=_importing.release, after_in_child=_importing.release
    )


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        with _importing:
            return import_module(f"runebook.{name}")
    real = _ALIASES.get(name, name)
    home = _HOME_OF.get(real)
    if home is None:
        raise AttributeError(f"module 'runebook' has no attribute {name!r}")
    with _importing:
        value = getattr(import_module(f"runebook.{home}"), real)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
