"""Use cases of artifacts: their listings. The bytes stream beside the operations."""

from __future__ import annotations

import posixpath

from runebook.api.artifacts import ListArtifacts, ListServedArtifacts
from runebook.api.logged_models import ListLoggedModelArtifacts
from runebook.core import checks
from runebook.core.artifacts import FileInfo
from runebook.core.errors import TemporarilyUnavailable
from runebook.services.context import Context
from runebook.services.handlers import handles
from runebook.storage.base import Transaction


@handles(ListArtifacts)
def list_artifacts(tx: Transaction, request: ListArtifacts, context: Context) -> ListArtifacts.Reply:
    checks.check_run_id(request.run_id)
    root_uri = tx.runs.get_info(request.run_id).artifact_uri
    return ListArtifacts.Reply(root_uri=root_uri, files=context.artifacts.list(root_uri, request.path or ""))


@handles(ListLoggedModelArtifacts)
def list_logged_model_artifacts(
    tx: Transaction, request: ListLoggedModelArtifacts, context: Context
) -> ListLoggedModelArtifacts.Reply:
    root_uri = tx.logged_models.get(request.model_id).info.artifact_uri
    files = context.artifacts.list(root_uri, request.artifact_directory_path or "")
    return ListLoggedModelArtifacts.Reply(root_uri=root_uri, files=files)


@handles(ListServedArtifacts)
def list_served_artifacts(tx: Transaction, request: ListServedArtifacts, context: Context) -> ListServedArtifacts.Reply:
    if context.artifacts.served is None:
        raise TemporarilyUnavailable(
            "This server does not serve artifacts. Start it with --serve-artifacts, or log them to the store directly."
        )
    files = context.artifacts.served.list(request.path or "")
    return ListServedArtifacts.Reply(
        files=[
            FileInfo(path=posixpath.basename(file.path), is_dir=file.is_dir, file_size=file.file_size) for file in files
        ]
    )
