"""Operations on artifacts: listings by run, and the files that a server keeps for its clients.

The bytes themselves stream beside the operations (`runebook.server.artifacts`): a body is no field.
"""

from __future__ import annotations

from runebook.api.operation import Family, Operation
from runebook.api.permissions import read
from runebook.api.runs import RUN_ALIAS
from runebook.core.artifacts import FileInfo
from runebook.core.ids import RunId
from runebook.core.records import Record


class ListArtifacts(Operation, verb="GET", path="artifacts/list", needs=read("run_id"), aliases=RUN_ALIAS):
    """The files and folders of a run below a path, named relative to the run's root."""

    run_id: RunId
    path: str | None = None
    page_token: str | None = None

    class Reply(Record):
        root_uri: str
        files: list[FileInfo] = []
        next_page_token: str | None = None


class ListServedArtifacts(Operation, verb="GET", path="artifacts", needs=read("path"), family=Family.ARTIFACTS):
    """The files and folders that the server keeps below a path, by their base names."""

    path: str | None = None

    class Reply(Record):
        files: list[FileInfo] = []
