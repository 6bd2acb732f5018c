"""Runs that are made, and runs that are changed, many requests at once in a constant number of statements."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from runebook.api.runs import CreateRun, UpdateRun
from runebook.core import checks
from runebook.core.errors import NotFound, RunebookError, TemporarilyUnavailable
from runebook.core.experiments import Experiment
from runebook.core.ids import new_run_id
from runebook.core.runs import Run, RunData, RunInfo
from runebook.core.tags import RUN_NAME, Tag
from runebook.services.context import Context
from runebook.services.leases import forget_lease_expiry
from runebook.services.run_rules import (
    check_active,
    check_chosen_run_id,
    check_experiment_active,
    check_new_run,
    chosen_run_name,
    info_of,
    new_run,
    renamed_to,
)
from runebook.storage.base import NewRun, Transaction


def create_all(
    tx: Transaction, requests: Sequence[CreateRun], context: Context
) -> list[CreateRun.Reply | RunebookError]:
    """For each request the reply, or the error for which it is refused.

    Raises:
        AlreadyExists: an id is taken; it does not say whose. Nothing may be committed: do each alone.
        TransactionConflict: as `RunStore.create`.

    """
    experiments: dict[str, Experiment] = {}
    outcomes: list[NewRun | RunebookError] = []
    for request in requests:
        try:
            outcomes.append(_checked(tx, request, experiments, context))
        except TemporarilyUnavailable:
            raise
        except RunebookError as error:
            outcomes.append(error)
    tx.runs.create([made for made in outcomes if isinstance(made, NewRun)])
    return [CreateRun.Reply(run=_as_made(made)) if isinstance(made, NewRun) else made for made in outcomes]


def _checked(tx: Transaction, request: CreateRun, experiments: dict[str, Experiment], context: Context) -> NewRun:
    if request.experiment_id not in experiments:
        checks.check_experiment_id(request.experiment_id)
        experiments[request.experiment_id] = tx.experiments.get(request.experiment_id)
    experiment = experiments[request.experiment_id]
    check_experiment_active(experiment)
    check_new_run(request.user_id, request.start_time, request.tags)
    name = chosen_run_name(request.run_name, request.tags)
    if request.run_id is not None:
        check_chosen_run_id(request.run_id)
    start_time = context.now_ms if request.start_time is None else request.start_time
    return new_run(experiment, request.run_id or new_run_id(), name, request.user_id, start_time, request.tags)


def _as_made(made: NewRun) -> Run:
    """The run as it would be read, of which nothing is there but what it was made with."""
    tags = {tag.key: tag for tag in made.tags}
    return Run(info=info_of(made), data=RunData(tags=[tags[key] for key in sorted(tags)]))


def update_all(
    tx: Transaction, requests: Sequence[UpdateRun], context: Context
) -> list[UpdateRun.Reply | RunebookError]:
    """For each request, in their order, the reply, or the error for which it is refused."""
    before = tx.runs.locked({request.run_id for request in requests}, [RUN_NAME])
    infos = dict(before)
    names: dict[str, list[Tag]] = {}
    outcomes: list[UpdateRun.Reply | RunebookError] = []
    for request in requests:
        try:
            info = _changed(infos, request)
        except RunebookError as error:
            outcomes.append(error)
            continue
        if request.status is not None:
            forget_lease_expiry(tx, infos[request.run_id])
        if request.run_name:
            names[request.run_id] = [Tag(key=RUN_NAME, value=request.run_name)]
        infos[request.run_id] = info
        outcomes.append(UpdateRun.Reply(run_info=info))
    changed = [info for run_id, info in infos.items() if info != before[run_id]]
    if changed:
        tx.runs.save(changed)
    if names:
        tx.tags.set(names)
    ended = {
        request.run_id
        for request, outcome in zip(requests, outcomes, strict=True)
        if isinstance(outcome, UpdateRun.Reply) and request.status is not None and request.status.is_terminated
    }
    leased = {lease.run_id for lease in tx.leases.of(sorted(ended))} if ended else set()
    if leased:
        tx.leases.clear(sorted(leased))
    return outcomes


def _changed(infos: dict[str, RunInfo], request: UpdateRun) -> RunInfo:
    """The run as the request wants it."""
    checks.check_run_id(request.run_id)
    info = infos.get(request.run_id)
    if info is None:
        raise NotFound(f"Run with id={request.run_id} not found")
    check_active(info)
    if request.end_time is not None:
        checks.check_int64(request.end_time, "end_time", at_least=0)
    name = renamed_to([Tag(key=RUN_NAME, value=request.run_name)]) if request.run_name else None
    return msgspec.structs.replace(
        info,
        status=request.status or info.status,
        end_time=info.end_time if request.end_time is None else request.end_time,
        run_name=name or info.run_name,
    )
