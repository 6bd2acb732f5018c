"""Operations that say what a server is."""

from __future__ import annotations

from runebook.api.operation import Family, Operation
from runebook.api.permissions import PUBLIC
from runebook.core.records import Record


class GetServerInfo(Operation, verb="GET", path="server-info", needs=PUBLIC, family=Family.MLFLOW_3):
    """What this server can do, for clients to choose by."""

    class Reply(Record):
        store_type: str
        runebook_version: str
        workspaces_enabled: bool | None = None
        trace_archival_enabled: bool | None = None
        multipart_uploads_enabled: bool | None = None
        multipart_downloads_enabled: bool | None = None
        artifact_serving_enabled: bool | None = None
        presigned_upload_run_id_supported: bool | None = None
        presigned_upload_model_id_supported: bool | None = None
        model_artifact_presigned_downloads_supported: bool | None = None
        artifacts_presigned_only: bool | None = None
        tracking_auth: str | None = None
        log_frame_supported: bool | None = None
        """Runebook's own: clients may send `LogFrame`, as MessagePack and packed with zstd too."""
