"""Use cases of artifacts: their listings. The bytes stream beside the operations."""

from __future__ import annotations

import posixpath

from runebook.api.artifacts import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    CreateSignedDownloadUrl,
    CreateSignedUploadUrl,
    GetSignedServedArtifact,
    ListArtifacts,
    ListServedArtifacts,
)
from runebook.api.logged_models import ListLoggedModelArtifacts
from runebook.api.operation import Nothing
from runebook.artifacts.base import ArtifactStore
from runebook.artifacts.paths import normalize_file
from runebook.core import checks, limits
from runebook.core.artifacts import FileInfo
from runebook.core.errors import InvalidParameterValue, NotSupported, TemporarilyUnavailable
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
    files = _served(context).list(request.path or "")
    return ListServedArtifacts.Reply(
        files=[
            FileInfo(path=posixpath.basename(file.path), is_dir=file.is_dir, file_size=file.file_size) for file in files
        ]
    )


def _served(context: Context) -> ArtifactStore:
    if context.artifacts.served is None:
        raise TemporarilyUnavailable(
            "This server does not serve artifacts. Start it with --serve-artifacts, or log them to the store directly."
        )
    return context.artifacts.served


@handles(CreateMultipartUpload)
def create_multipart_upload(
    tx: Transaction, request: CreateMultipartUpload, context: Context
) -> CreateMultipartUpload.Reply:
    checks.check_count(request.num_parts, "num_parts", at_most=limits.MAX_UPLOAD_PARTS)
    _check_upload(context, request.folder, request.path)
    raise NotSupported(TAKES_NO_PARTS)


@handles(CompleteMultipartUpload)
def complete_multipart_upload(tx: Transaction, request: CompleteMultipartUpload, context: Context) -> Nothing:
    _check_upload(context, request.folder, request.path, request.upload_id)
    checks.check_list_length(request.parts, "parts", at_most=limits.MAX_UPLOAD_PARTS)
    for number, part in enumerate(request.parts):
        checks.check_count(part.part_number, f"parts[{number}].part_number", at_most=limits.MAX_UPLOAD_PARTS)
        checks.check_text(part.etag, f"parts[{number}].etag", max_length=limits.MAX_KEY_LENGTH, required=True)
        checks.check_text(part.url or "", f"parts[{number}].url", max_length=limits.MAX_ARTIFACT_LOCATION_LENGTH)
    raise NotSupported(TAKES_NO_PARTS)


@handles(AbortMultipartUpload)
def abort_multipart_upload(tx: Transaction, request: AbortMultipartUpload, context: Context) -> Nothing:
    _check_upload(context, request.folder, request.path, request.upload_id)
    raise NotSupported(TAKES_NO_PARTS)


TAKES_NO_PARTS = (
    "Multipart upload is not supported for the current artifact repository: it is a folder. PUT the file whole."
)
"""Begins with the words by which MLflow's clients know that they should send the file whole."""


def _check_upload(context: Context, folder: str, path: str, upload_id: str = "") -> None:
    served = _served(context)
    served.stat(folder)
    served.stat(path)
    checks.check_text(upload_id, "upload_id", max_length=limits.MAX_ARTIFACT_LOCATION_LENGTH)


@handles(GetSignedServedArtifact)
def get_signed_served_artifact(
    tx: Transaction, request: GetSignedServedArtifact, context: Context
) -> GetSignedServedArtifact.Reply:
    _served(context).stat(request.path)
    raise NotSupported(
        "Multipart download is not supported for the current artifact repository: it is a folder, which signs no URLs. "
        "GET the file from the server."
    )


@handles(CreateSignedUploadUrl)
def create_signed_upload_url(
    tx: Transaction, request: CreateSignedUploadUrl, context: Context
) -> CreateSignedUploadUrl.Reply:
    _check_file(request.path, request.expiration)
    if bool(request.run_id) == bool(request.model_id):
        raise InvalidParameterValue("Exactly one of run_id and model_id must be provided.")
    if request.run_id:
        checks.check_run_id(request.run_id)
        uri = tx.runs.get_info(request.run_id).artifact_uri
    else:
        uri = tx.logged_models.get(request.model_id or "").info.artifact_uri
    raise _signs_nothing("upload", uri)


@handles(CreateSignedDownloadUrl)
def create_signed_download_url(
    tx: Transaction, request: CreateSignedDownloadUrl, context: Context
) -> CreateSignedDownloadUrl.Reply:
    checks.check_run_id(request.run_id)
    _check_file(request.path, request.expiration)
    raise _signs_nothing("download", tx.runs.get_info(request.run_id).artifact_uri)


def _check_file(path: str, expiration_s: int) -> None:
    normalize_file(path)
    if not 1 <= expiration_s <= limits.MAX_SIGNED_URL_S:
        raise InvalidParameterValue(
            f"expiration must be between 1 and {limits.MAX_SIGNED_URL_S} seconds (got {expiration_s})."
        )


def _signs_nothing(direction: str, uri: str) -> InvalidParameterValue:
    scheme = uri.partition(":")[0] if ":" in uri else "file"
    return InvalidParameterValue(
        f"Presigned {direction} is not supported for artifacts behind '{scheme}:', whose store signs no URLs. "
        "Send and fetch the files through the server."
    )
