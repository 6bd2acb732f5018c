"""Runs: start, end, find."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any

from msgspec import structs

from runebook.client import active_run as active
from runebook.client import context, offline
from runebook.client.active_run import ActiveRun, OpenRun
from runebook.client.client import Client
from runebook.client.endings import endings
from runebook.client.entities import LifecycleStage, Run, RunStatus, RunTag, core_status
from runebook.client.fluent.experiments import chosen_experiment_id, current_experiment_id, known_experiment
from runebook.client.git import GitState
from runebook.client.git_capture import GitCapture, capture, head_tags
from runebook.client.values import items_of, key_text
from runebook.config import PREFIXES, Settings
from runebook.core import tags as names
from runebook.core.errors import InvalidParameterValue, InvalidState
from runebook.core.ids import new_run_id
from runebook.core.limits import MAX_VALUE_BYTES

DIFF_ARTIFACT = "runebook/git.diff"
SHORT_TAG_BYTES = 8000
"""What every server keeps whole."""


def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,  # MLflow's signature
    parent_run_id: str | None = None,
    tags: dict[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,  # MLflow's signature
    shared: bool = False,
) -> ActiveRun:
    """Start a run, or go on with run `run_id`, and make it the active one; a `with` block ends it.

    Args:
        run_id: a run to resume, by default RUNEBOOK_RUN_ID or MLFLOW_RUN_ID, once. Its status becomes RUNNING.
        experiment_id: by default that of `set_experiment`, else the environment's, else "0".
        run_name: by default a made-up one; a run that is resumed is renamed.
        nested: start inside of the active run, as its child. Without it, an active run is an error.
        parent_run_id: the parent, when it is not the active run.
        description: Markdown, in the tag `mlflow.note.content`.
        log_system_metrics: not available yet; True warns.
        shared: other processes, such as the ranks of a distributed training, write to run `run_id` too. It is made if
            it is not there; its status and name stay; the last process to leave ends it.

    Raises:
        InvalidState: a run is active already.
        InvalidParameterValue: the run to resume is deleted, or stands in another experiment.

    """
    parent = active.current()
    if parent is not None and not nested:
        raise InvalidState(
            f"Run {parent.run_id} is active already. End it with end_run(), or start this one inside of it with "
            "start_run(nested=True)."
        )
    if log_system_metrics:
        warnings.warn("System metrics are not logged yet; log_system_metrics has no effect.", stacklevel=2)
    settings = Settings.read()
    git = capture(context.source_folder(), with_diff=settings.git_diff)
    client = Client()
    user_tags = _user_tags(tags, description)
    resumed_id = run_id or _run_id_of_environment(settings)
    where = known_experiment(settings, experiment_id)
    if resumed_id or shared:
        join = _join if shared else _resume
        run = offline.in_store_or_away(
            client,
            lambda: join(client, settings, resumed_id, experiment_id, run_name, user_tags),
            lambda: offline.resume_away(client, where, _needed(resumed_id), run_name, user_tags, is_shared=shared),
        )
        open_run = active.opened(run, client)
        open_run.take_up(is_shared=shared)
    else:
        known = {**_process_tags(), **head_tags(git.so_far()), **settings.run_context_tags()}
        parent_id = parent_run_id or (parent.run_id if parent else None)
        if parent_id:
            known[names.PARENT_RUN_ID] = parent_id
        new_id = new_run_id()  # of the same run, whether it gets into the store now (be it unanswered) or later
        run = offline.in_store_or_away(
            client,
            lambda: _create(client, settings, new_id, experiment_id, run_name, parent_run_id, known | user_tags),
            lambda: offline.start_away(client, where, new_id, run_name, known | user_tags),
        )
        open_run = active.opened(run, client)
        _note_git(open_run, git, has_commit=names.GIT_COMMIT in known)
    endings.watch()
    return open_run.run


def end_run(status: str = "FINISHED") -> None:
    """End the active run; without one, nothing happens."""
    open_run = active.current()
    if open_run is not None:
        active.close(open_run, core_status(status))


def active_run() -> ActiveRun | None:
    """The run that is active here, with its data as of the start; `get_run` reads them anew."""
    open_run = active.current()
    return open_run.run if open_run else None


def last_active_run() -> Run | None:
    """The active run, else the one that was active last here, as the store has it now; what is known of it here when
    the store is away.
    """
    open_run = active.current()
    if open_run is not None:
        return open_run.run
    last = active.last_opened()
    if last is None or not last.client.log.is_away:
        return last.client.get_run(last.run_id) if last else None
    if last.ended is None:
        return last.run
    status, end_time = last.ended
    info = structs.replace(last.run.info, status=status.value, end_time=end_time)
    return Run(info, last.run.data, last.run.inputs, last.run.outputs)


def current_or_new_run() -> OpenRun:
    """The active run; one is started when there is none, as MLflow does."""
    return active.current() or _open_run_of(start_run())


def target(run_id: str | None) -> tuple[Client, str]:
    """Where to log: the run that is named, else the active one, else a new one."""
    if run_id is not None:
        return Client(), run_id
    open_run = current_or_new_run()
    return open_run.client, open_run.run_id


def run_tags(tags: Mapping[str, Any]) -> list[RunTag]:
    return [RunTag(key_text(key), str(value)) for key, value in items_of("tags", tags)]


def get_run(run_id: str) -> Run:
    """A run with all that it logged, deleted ones included. Raises NotFound."""
    return Client().get_run(run_id)


def get_parent_run(run_id: str) -> Run | None:
    """The parent of a nested run."""
    return Client().get_parent_run(run_id)


def delete_run(run_id: str) -> None:
    """Moves it to the trash."""
    Client().delete_run(run_id)


def restore_run(run_id: str) -> None:
    """Brings it back from the trash."""
    Client().restore_run(run_id)


def _open_run_of(run: ActiveRun) -> OpenRun:
    found: OpenRun = run.__dict__["open_run"]
    return found


def _user_tags(tags: dict[str, Any] | None, description: str | None) -> dict[str, Any]:
    given = {} if tags is None else dict(items_of("tags", tags))
    if description is None:
        return given
    if names.NOTE in given:
        raise InvalidParameterValue(f"Give the description as 'description' or as the tag {names.NOTE!r}, not both.")
    return given | {names.NOTE: description}


def _run_id_of_environment(settings: Settings) -> str | None:
    """Used once: a second run of the process is a new one."""
    for prefix in PREFIXES:
        os.environ.pop(prefix + "RUN_ID", None)
    return settings.run_id


def _join(
    client: Client,
    settings: Settings,
    run_id: str | None,
    experiment_id: str | None,
    run_name: str | None,
    user_tags: dict[str, Any],
) -> Run:
    """The run that several processes write to; the first of them makes it."""
    shared_id = _needed(run_id)
    where = experiment_id or current_experiment_id(client, settings)
    known = _process_tags() | settings.run_context_tags()
    run = client.get_or_create_run(shared_id, where, known | user_tags, run_name)
    if run.info.lifecycle_stage != LifecycleStage.ACTIVE:
        raise InvalidParameterValue(f"Run {run_id} is deleted. To go on with it, call restore_run({run_id!r}).")
    return run


def _needed(run_id: str | None) -> str:
    if run_id is None:
        raise InvalidParameterValue(
            "A shared run needs an id that all its processes know: start_run(run_id=..., shared=True), or "
            "RUNEBOOK_RUN_ID in their environment. It has 32 hex digits; uuid.uuid4().hex makes one."
        )
    return run_id


def _resume(
    client: Client,
    settings: Settings,  # noqa: ARG001  # as of _join
    resumed_id: str | None,
    experiment_id: str | None,
    run_name: str | None,
    user_tags: dict[str, Any],
) -> Run:
    run_id = _needed(resumed_id)
    info = client.get_run(run_id).info
    if info.lifecycle_stage != LifecycleStage.ACTIVE:
        raise InvalidParameterValue(f"Run {run_id} is deleted. To go on with it, call restore_run({run_id!r}).")
    expected = experiment_id or chosen_experiment_id(client)
    if expected is not None and expected != info.experiment_id:
        raise InvalidParameterValue(
            f"Run {run_id} stands in experiment {info.experiment_id}, but experiment {expected} was asked for. "
            "Leave the experiment out, or choose the run's own."
        )
    client.update_run(run_id, status=RunStatus.to_string(RunStatus.RUNNING), name=run_name)
    if user_tags:
        client.log_batch(run_id, tags=run_tags(user_tags))
    return client.get_run(run_id)


def _create(
    client: Client,
    settings: Settings,
    new_id: str,
    experiment_id: str | None,
    run_name: str | None,
    parent_run_id: str | None,
    tags: dict[str, Any],
) -> Run:
    if parent_run_id is not None and client.get_run(parent_run_id).info.lifecycle_stage != LifecycleStage.ACTIVE:
        raise InvalidParameterValue(f"The parent run {parent_run_id} is deleted. Restore it, or choose another.")
    return client.create_run_as(new_id, experiment_id or current_experiment_id(client, settings), tags, run_name)


def _note_git(open_run: OpenRun, git: GitCapture, *, has_commit: bool) -> None:
    """What git says of the work tree, when it is known."""
    if not has_commit:
        open_run.is_noted.set()
        return

    def note(state: GitState) -> None:
        try:
            _note_changes(open_run, state)
        finally:
            open_run.is_noted.set()

    git.tell(note)


def _note_changes(open_run: OpenRun, state: GitState) -> None:
    """Whether the work tree has changes, and which: as a tag if the store keeps it whole, else as an artifact."""
    if state.is_dirty is None:
        return
    found = {names.GIT_DIRTY: "true" if state.is_dirty else "false"}
    client, run_id = open_run.client, open_run.run_id
    if state.diff:
        size = len(state.diff.encode())
        is_asked = SHORT_TAG_BYTES < size <= MAX_VALUE_BYTES and not client.log.is_away
        if size <= SHORT_TAG_BYTES or (is_asked and client.transport.takes_long_tags()):
            found[names.GIT_DIFF] = state.diff
        else:
            client.log_text(run_id, state.diff, DIFF_ARTIFACT)
    client.log_batch(run_id, tags=run_tags(found))


@cache
def _process_tags() -> dict[str, str]:
    return context.process_tags()
