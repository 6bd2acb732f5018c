"""Tags of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runebook.core.errors import NotFound
from runebook.core.tags import Tag
from runebook.storage.files import keyed
from runebook.storage.files.view import View


class TagFiles:
    """The TagStore of files."""

    def __init__(self, view: View) -> None:
        self._view = view

    def set(self, tags: Mapping[str, Sequence[Tag]]) -> None:
        folders = {run_id: self._view.run(run_id) for run_id in tags}
        for run_id, folder in folders.items():
            for tag in tags[run_id]:
                keyed.write(self._view.files, folder, "tags", tag.key, tag.value)

    def get(self, run_id: str, key: str) -> str | None:
        return keyed.read(self._view.files, self._view.run(run_id), "tags", key)

    def delete(self, run_id: str, key: str) -> None:
        if not keyed.delete(self._view.files, self._view.run(run_id), "tags", key):
            raise NotFound(f"No tag with name: {key} in run with id {run_id}")
