"""Runs that are started away from their store: offline, or while a server cannot be reached.

Such a run is recorded in the spool with all that it logs; whoever ships the spool makes it in the store.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from runebook.api.frames import RunStart
from runebook.client import uris
from runebook.client.client import Client
from runebook.client.entities import Run
from runebook.client.retries import UntrustedServer, hurrying
from runebook.client.spool.run_log import SpooledLog
from runebook.client.values import make_tags
from runebook.core import checks, limits
from runebook.core import runs as core_runs
from runebook.core.clock import now_ms
from runebook.core.errors import TemporarilyUnavailable
from runebook.core.experiments import LifecycleStage
from runebook.core.ids import ExperimentId, RunId, new_run_id
from runebook.core.run_names import new_run_name
from runebook.core.tags import RUN_NAME, USER, Tag

PATIENCE_SECONDS = 4.0
"""How long the start of a run tries to reach a server."""

QUICK_SECONDS = 0.5
"""The same, of a server that could not be reached before."""

_logger = logging.getLogger("runebook.runs")

ResultT = TypeVar("ResultT")


class Experiment(NamedTuple):
    """Where a run belongs, as far as that is known without asking the store: by id or by name."""

    experiment_id: str | None
    name: str | None


def in_store_or_away(client: Client, in_store: Callable[[], ResultT], away: Callable[[], ResultT]) -> ResultT:
    """Do it in the store; when that is a server that cannot be reached, say so and do it here.

    Raises:
        RunebookError: the store refuses.

    """
    log = client.log
    if not isinstance(log, SpooledLog):
        return in_store()
    if not log.is_offline:
        try:
            with hurrying(QUICK_SECONDS if log.is_away else PATIENCE_SECONDS):
                client.transport.reach()
                return in_store()
        except UntrustedServer:
            raise
        except TemporarilyUnavailable as error:
            if not uris.is_server(client.tracking_uri):
                raise
            if log.note_away(error):
                _logger.warning(
                    "%s Until it can, what is logged is kept in %s; it gets there by itself, or by `runebook sync`.",
                    error,
                    log.root,
                )
    return away()


def start_away(
    client: Client, experiment: Experiment, run_id: str | None, run_name: str | None, tags: dict[str, Any]
) -> Run:
    """Start a run here. One with an id of its own may be in the store already; then it is gone on with.

    Raises:
        InvalidParameterValue: the name, a tag, or the id, is none that a store takes.

    """
    log = client.log
    if not isinstance(log, SpooledLog):  # nothing is ever away from it
        raise TypeError(f"What is logged to {client.tracking_uri} goes through no spool.")
    made = make_tags(tags)
    checks.check_tags(made)
    name = run_name or tags.get(RUN_NAME) or new_run_name()
    checks.check_text(str(name), "run_name", max_length=limits.MAX_RUN_NAME_LENGTH)
    if run_id is not None:
        checks.check_run_id(run_id)
    chosen = RunId(run_id or new_run_id())
    info = core_runs.RunInfo(
        run_id=chosen,
        run_uuid=chosen,
        experiment_id=ExperimentId(experiment.experiment_id or ""),
        run_name=str(name),
        user_id=next((tag.value for tag in made if tag.key == USER), "unknown"),
        status=core_runs.RunStatus.RUNNING,
        start_time=now_ms(),
        artifact_uri="",
        lifecycle_stage=LifecycleStage.ACTIVE,
    )
    start = RunStart(
        start_time=info.start_time,
        experiment_id=experiment.experiment_id,
        experiment_name=experiment.name,
        run_name=info.run_name,
        user_id=info.user_id,
        tags=made,
    )
    log.start(info.run_id, start)
    named = [*(tag for tag in made if tag.key != RUN_NAME), Tag(key=RUN_NAME, value=info.run_name)]
    return Run.of(core_runs.Run(info=info, data=core_runs.RunData(tags=named)))


def resume_away(
    client: Client,
    experiment: Experiment,
    run_id: str,
    run_name: str | None,
    tags: dict[str, Any],
    *,
    is_shared: bool = False,
) -> Run:
    """Go on with a run that the store has, or that is kept beside it; nobody can be asked. The status and the name of
    a shared one stay.
    """
    run = start_away(client, experiment, run_id, run_name, tags)
    if is_shared:
        return run
    client.log.status(RunId(run_id), core_runs.RunStatus.RUNNING)
    renamed = tags | ({RUN_NAME: run_name} if run_name else {})
    if renamed:
        client.log.batch(RunId(run_id), tags=make_tags(renamed))
    return run
