"""Operations on artifacts: listings by run, and the files that a server keeps for its clients.

The bytes themselves stream beside the operations (`runebook.server.artifacts`): a body is no field.
"""

from __future__ import annotations

from runebook.api.operation import Family, Nothing, Operation
from runebook.api.permissions import edit, read
from runebook.api.runs import RUN_ALIAS
from runebook.core.artifacts import FileInfo
from runebook.core.ids import ModelId, RunId
from runebook.core.limits import DEFAULT_SIGNED_URL_S
from runebook.core.records import Int64, Record


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


class PartCredential(Record):
    """Where one part of an upload goes."""

    url: str
    part_number: Int64
    headers: dict[str, str] = {}


class UploadedPart(Record):
    """One part of an upload that is there."""

    part_number: Int64
    etag: str
    url: str | None = None


class CreateMultipartUpload(
    Operation, verb="POST", path="mpu/create/{folder:path}", needs=edit("folder"), family=Family.ARTIFACTS
):
    """Begin an upload in parts, on stores that take them: those in a folder take each file whole."""

    folder: str
    path: str
    num_parts: Int64

    class Reply(Record):
        upload_id: str
        credentials: list[PartCredential] = []


class CompleteMultipartUpload(
    Operation, verb="POST", path="mpu/complete/{folder:path}", needs=edit("folder"), family=Family.ARTIFACTS
):
    """Make one file of the parts that were uploaded."""

    folder: str
    path: str
    upload_id: str
    parts: list[UploadedPart] = []

    Reply = Nothing


class AbortMultipartUpload(
    Operation, verb="POST", path="mpu/abort/{folder:path}", needs=edit("folder"), family=Family.ARTIFACTS
):
    """Give up an upload in parts and drop what is there of it."""

    folder: str
    path: str
    upload_id: str

    Reply = Nothing


class GetSignedServedArtifact(
    Operation, verb="GET", path="presigned/{path:path}", needs=read("path"), family=Family.ARTIFACTS
):
    """A signed URL from which a served file can be read, on stores that sign."""

    path: str

    class Reply(Record):
        url: str
        headers: dict[str, str] = {}
        file_size: int | None = None


class CreateSignedUploadUrl(
    Operation, verb="POST", path="artifacts/presigned-upload-url", needs=edit("run_id"), writes=False
):
    """A signed URL to which a file of a run or a logged model can be written, on stores that sign."""

    path: str
    run_id: RunId | None = None
    model_id: ModelId | None = None
    expiration: Int64 = 900

    class Reply(Record):
        presigned_url: str
        headers: dict[str, str] = {}


class CreateSignedDownloadUrl(
    Operation, verb="POST", path="artifacts/presigned-download-url", needs=read("run_id"), writes=False
):
    """A signed URL from which a file of a run can be read, on stores that sign."""

    run_id: RunId
    path: str
    expiration: Int64 = DEFAULT_SIGNED_URL_S

    class Reply(Record):
        presigned_url: str
        headers: dict[str, str] = {}
        file_size: int | None = None
