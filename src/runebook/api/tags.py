"""Operations on the tags of runs."""

from __future__ import annotations

from runebook.api.operation import Nothing, Operation
from runebook.api.permissions import edit
from runebook.api.runs import RUN_ALIAS
from runebook.core.ids import RunId


class SetTag(Operation, verb="POST", path="runs/set-tag", needs=edit("run_id"), aliases=RUN_ALIAS):
    """Set a tag of a run, or change its value; `mlflow.runName` also renames the run."""

    run_id: RunId
    key: str
    value: str = ""

    Reply = Nothing


class DeleteTag(Operation, verb="POST", path="runs/delete-tag", needs=edit("run_id")):
    """Remove a tag of a run; a tag that is not there is an error."""

    run_id: RunId
    key: str

    Reply = Nothing
