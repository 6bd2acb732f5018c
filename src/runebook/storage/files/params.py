"""Params of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runebook.core.params import Param
from runebook.storage.base import ParamConflict
from runebook.storage.files import keyed
from runebook.storage.files.view import View


class ParamFiles:
    """The ParamStore of files."""

    def __init__(self, view: View) -> None:
        self._view = view

    def add(self, params: Mapping[str, Sequence[Param]]) -> dict[str, list[ParamConflict]]:
        folders = {run_id: self._view.run(run_id) for run_id in params}
        conflicts = {
            run_id: keyed.add_params(self._view.files, folders[run_id], added) for run_id, added in params.items()
        }
        return {run_id: found for run_id, found in conflicts.items() if found}
