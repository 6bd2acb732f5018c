"""What holds of every run, whichever operation it comes from: its name, its id, its experiment, its params."""

from __future__ import annotations

from collections.abc import Sequence

from runebook.core import checks, limits
from runebook.core.errors import InvalidParameterValue
from runebook.core.experiments import Experiment, LifecycleStage
from runebook.core.ids import RunId
from runebook.core.params import Param
from runebook.core.run_names import new_run_name
from runebook.core.runs import RunInfo, RunStatus
from runebook.core.tags import RUN_NAME, Tag
from runebook.storage.base import NewRun, Transaction


def active_run(tx: Transaction, run_id: str) -> RunInfo:
    """The run, which must not be in the trash.

    Raises:
        NotFound, InvalidParameterValue
    """
    checks.check_run_id(run_id)
    info = tx.runs.get_info(run_id)
    check_active(info)
    return info


def check_active(info: RunInfo) -> None:
    if info.lifecycle_stage is not LifecycleStage.ACTIVE:
        raise InvalidParameterValue(f"The run {info.run_id} must be in the 'active' state. Current state is deleted.")


def check_experiment_active(experiment: Experiment) -> None:
    if experiment.lifecycle_stage is not LifecycleStage.ACTIVE:
        raise InvalidParameterValue(
            f"The experiment {experiment.experiment_id} must be in the 'active' state. Current state is deleted."
        )


def check_params(params: Sequence[Param], path: str = "params") -> None:
    """Raises InvalidParameterValue for a bad key or value, or a key that is there twice."""
    seen: set[str] = set()
    for number, param in enumerate(params):
        check_param(param, f"{path}[{number}].")
        if param.key in seen:
            raise InvalidParameterValue(
                f"Duplicate parameter keys have been submitted: ['{param.key}']. Send each once."
            )
        seen.add(param.key)


def check_param(param: Param, prefix: str = "") -> None:
    checks.check_key(param.key, f"{prefix}key")
    checks.check_value(param.value, f"{prefix}value")


def renamed_to(tags: Sequence[Tag]) -> str | None:
    """The name that tags give to a run, as the tag `mlflow.runName` and the run's name are one.

    Raises:
        InvalidParameterValue: it is too long.
    """
    names = [tag.value for tag in tags if tag.key == RUN_NAME and tag.value]
    if not names:
        return None
    checks.check_text(names[-1], "run_name", max_length=limits.MAX_RUN_NAME_LENGTH)
    return names[-1]


def check_new_run(user_id: str, start_time: int | None, tags: Sequence[Tag]) -> None:
    checks.check_tags(tags)
    checks.check_text(user_id, "user_id", max_length=limits.MAX_USER_ID_LENGTH)
    if start_time is not None:
        checks.check_int64(start_time, "start_time", at_least=0)


def chosen_run_name(run_name: str | None, tags: Sequence[Tag]) -> str:
    """The name of a new run, which gets one if none is given."""
    tagged = next((tag.value for tag in reversed(tags) if tag.key == RUN_NAME), None)
    if run_name and tagged and run_name != tagged:
        raise InvalidParameterValue(
            f"Both 'run_name' argument and '{RUN_NAME}' tag are specified, but with different values "
            f"(run_name='{run_name}', {RUN_NAME}='{tagged}'). Send one of them."
        )
    name = run_name or tagged or new_run_name()
    checks.check_text(name, "run_name", max_length=limits.MAX_RUN_NAME_LENGTH)
    return name


def check_chosen_run_id(run_id: str) -> None:
    if len(run_id) != 32 or set(run_id) - set("0123456789abcdef"):
        raise checks.invalid(run_id, "run_id", "A chosen run id has 32 lower-case hex digits.")


def new_run(
    experiment: Experiment, run_id: RunId, run_name: str, user_id: str, start_time: int, tags: Sequence[Tag]
) -> NewRun:
    return NewRun(
        run_id=run_id,
        experiment_id=experiment.experiment_id,
        run_name=run_name,
        user_id=user_id,
        start_time=start_time,
        artifact_uri=f"{experiment.artifact_location.rstrip('/')}/{run_id}/artifacts",
        status=RunStatus.RUNNING,
        tags=[*(tag for tag in tags if tag.key != RUN_NAME), Tag(key=RUN_NAME, value=run_name)],
    )


def info_of(made: NewRun) -> RunInfo:
    """A new run as it would be read."""
    return RunInfo(
        run_id=made.run_id,
        run_uuid=made.run_id,
        experiment_id=made.experiment_id,
        run_name=made.run_name,
        user_id=made.user_id,
        status=made.status,
        start_time=made.start_time,
        artifact_uri=made.artifact_uri,
        lifecycle_stage=LifecycleStage.ACTIVE,
    )
