"""Params of runs."""

from __future__ import annotations

from collections.abc import Sequence

from runebook.core.params import Param
from runebook.storage.files import keyed
from runebook.storage.files.view import View


class ParamFiles:
    """The ParamStore of files."""

    def __init__(self, view: View) -> None:
        self._view = view

    def log(self, run_id: str, params: Sequence[Param]) -> None:
        keyed.write_params(self._view.files, self._view.run(run_id), params, f"run ID='{run_id}'")
