"""Runs that were started away from the store, made when their first frame comes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runebook.api.frames import RunStart
from runebook.core.errors import AlreadyExists, RunebookError
from runebook.core.experiments import Experiment
from runebook.core.ids import DEFAULT_EXPERIMENT_ID, RunId
from runebook.core.runs import RunInfo
from runebook.services.context import Context
from runebook.services.log_requests import Part
from runebook.services.run_rules import check_experiment_active, chosen_run_name, info_of, new_run
from runebook.storage.base import NewRun, Transaction, TransactionConflict


def start_runs(
    tx: Transaction, parts: Iterable[Part], there: Mapping[str, RunInfo], context: Context
) -> dict[str, RunInfo]:
    """Make the runs that parts of frames start and that are not there. A part whose run cannot be made is refused."""
    experiments: dict[tuple[str | None, str | None], Experiment] = {}
    new: dict[str, NewRun] = {}
    for part in parts:
        start = part.frame.start if part.frame is not None else None
        if start is None or part.run_id in there or part.run_id in new:
            continue
        try:
            named = (start.experiment_id, start.experiment_name)
            if named not in experiments:
                experiments[named] = _experiment(tx, start, context)
            check_experiment_active(experiments[named])
        except RunebookError as error:
            part.error = error
            continue
        name = chosen_run_name(start.run_name, start.tags)
        run_id = RunId(part.run_id)
        new[run_id] = new_run(experiments[named], run_id, name, start.user_id, start.start_time, start.tags)
    if new:
        try:
            tx.runs.create(list(new.values()))
        except AlreadyExists as error:
            raise TransactionConflict("Another frame started the run meanwhile.") from error
    return {run_id: info_of(made) for run_id, made in new.items()}


def _experiment(tx: Transaction, start: RunStart, context: Context) -> Experiment:
    """Raises NotFound: there is none with this id. One of a new name is made."""
    if start.experiment_id is not None or not start.experiment_name:
        return tx.experiments.get(start.experiment_id or DEFAULT_EXPERIMENT_ID)
    found = tx.experiments.get_by_name(start.experiment_name)
    if found is not None:
        return found
    try:
        made = tx.experiments.create(start.experiment_name, None, context.artifact_root, [], context.now_ms)
    except AlreadyExists as error:
        raise TransactionConflict("Another transaction made the experiment meanwhile.") from error
    return tx.experiments.get(made)
