"""What a server is."""

from __future__ import annotations

from runebook._version import __version__
from runebook.api.server_info import GetServerInfo
from runebook.services.context import Context
from runebook.services.handlers import handles
from runebook.storage.base import Transaction


@handles(GetServerInfo)
def get_server_info(tx: Transaction, request: GetServerInfo, context: Context) -> GetServerInfo.Reply:
    return GetServerInfo.Reply(
        store_type=context.store_type,
        runebook_version=__version__,
        workspaces_enabled=False,
        trace_archival_enabled=False,
        multipart_uploads_enabled=False,
        multipart_downloads_enabled=False,
        artifact_serving_enabled=context.facts.artifact_serving_enabled,
        presigned_upload_run_id_supported=False,
        presigned_upload_model_id_supported=False,
        model_artifact_presigned_downloads_supported=False,
        artifacts_presigned_only=False,
        log_frame_supported=True,
    )
