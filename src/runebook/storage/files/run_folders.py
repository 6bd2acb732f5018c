"""The folders of runs: found, read as records, moved to the trash and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from runebook.core.experiments import LifecycleStage
from runebook.core.ids import ExperimentId, RunId
from runebook.core.runs import RunInfo, RunStatus
from runebook.core.tags import RUN_NAME
from runebook.storage.files import keyed
from runebook.storage.files.layout import no_run
from runebook.storage.files.view import View, known
from runebook.storage.files.yaml_files import Malformed, Meta, optional_int, text_of


class Found(NamedTuple):
    """A run's folder, what its `meta.yaml` says, and that as a record."""

    folder: str
    meta: Meta
    info: RunInfo


def find(view: View, run_id: str) -> Found:
    """Raises NotFound; Malformed."""
    folder = view.run(run_id)
    meta = view.meta(folder)
    if meta is None:
        raise no_run(run_id)
    try:
        return Found(folder, meta, _info(view, folder, meta))
    except (KeyError, ValueError, TypeError) as error:
        raise Malformed(f"{folder}/meta.yaml is malformed: {error!r}") from error


def all_runs(view: View, experiment: str) -> Iterator[Found]:
    """Every run of an experiment's folder that can be read; one that cannot is logged."""
    for folder in view.runs(experiment):
        meta = known(view, folder)
        if meta is None:
            continue
        try:
            yield Found(folder, meta, _info(view, folder, meta))
        except (KeyError, ValueError, TypeError) as error:
            view.report(folder, error)


def trash_active(view: View, experiment: str, now_ms: int) -> list[str]:
    """Move the active runs of an experiment to the trash. Returns their ids."""
    gone: list[str] = []
    for found in all_runs(view, experiment):
        if found.info.lifecycle_stage is LifecycleStage.ACTIVE:
            set_stage(view, found, LifecycleStage.DELETED, now_ms)
            gone.append(found.info.run_id)
    return gone


def restore(view: View, experiment: str, run_ids: set[str] | None) -> None:
    """Bring back these runs of an experiment, or all (None)."""
    for found in all_runs(view, experiment):
        if run_ids is None or found.info.run_id in run_ids:
            set_stage(view, found, LifecycleStage.ACTIVE, 0)


def set_stage(view: View, found: Found, stage: LifecycleStage, now_ms: int) -> None:
    if found.info.lifecycle_stage is stage:
        return
    meta = found.meta | {"lifecycle_stage": stage.value}
    if stage is LifecycleStage.DELETED:
        meta["deleted_time"] = now_ms
    else:
        meta.pop("deleted_time", None)
    view.write_meta(found.folder, meta)


def _info(view: View, folder: str, meta: Meta) -> RunInfo:
    """Raises KeyError, ValueError or TypeError for what is no run."""
    experiment, _, run_id = folder.rpartition("/")
    name = meta.get("run_name")
    if not name:  # MLflow before 2.0 kept it in the tag alone
        name = keyed.read(view.files, folder, "tags", RUN_NAME) or ""
    return RunInfo(
        run_id=RunId(run_id),
        run_uuid=run_id,
        experiment_id=ExperimentId(experiment.rpartition("/")[2]),
        run_name=str(name),
        user_id=text_of(meta, "user_id", ""),
        status=RunStatus.from_number(int(meta["status"])),
        start_time=int(meta["start_time"] or 0),
        artifact_uri=text_of(meta, "artifact_uri", ""),
        lifecycle_stage=LifecycleStage(meta.get("lifecycle_stage") or LifecycleStage.ACTIVE),
        end_time=optional_int(meta, "end_time"),
    )
