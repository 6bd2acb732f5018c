"""The bytes of artifacts, which are no fields of operations: put, get and delete, streamed both ways."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import anyio.from_thread
import anyio.to_thread
from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import Response

from runebook.api.logged_models import GetLoggedModel
from runebook.api.permissions import Permission, edit, read
from runebook.api.runs import GetRun
from runebook.artifacts import paths
from runebook.artifacts.base import ArtifactStore
from runebook.core.errors import InvalidParameterValue, RunebookError, TemporarilyUnavailable
from runebook.core.ids import ModelId, RunId
from runebook.server.bodies import SMALL_BYTES, BodyRoom, body_chunks, drain
from runebook.server.downloads import download
from runebook.server.routing import Router, query_pairs
from runebook.server.settings import MAX_UPLOAD_FORM_BYTES
from runebook.services.context import OWNER
from runebook.services.dispatch import Services

MAX_UPLOADS = 32
"""Uploads that are written at once; each holds a thread. More of them wait."""

DRAINED_BYTES = 64 * 1024 * 1024
"""Of an upload that is refused, this much is read and dropped before the answer."""

_NOT_SERVED = "This server does not serve artifacts. Start it with --serve-artifacts, or use the store directly."


class ArtifactRoutes:
    """The handlers of everything that moves whole files.

    Args:
        services: whose authorizer, storage and artifacts are asked.
        limiter: how many short steps (a lookup, a chunk) run at once.

    """

    def __init__(self, services: Services, limiter: CapacityLimiter) -> None:
        self._services = services
        self._limiter = limiter
        self._uploads = CapacityLimiter(MAX_UPLOADS)
        self._room = BodyRoom(MAX_UPLOAD_FORM_BYTES)

    def add_to(self, router: Router) -> None:
        """Serve the files under the paths that MLflow's clients and pages use."""
        for prefix in ("/api", "/ajax-api"):
            router.add(
                f"{prefix}/2.0/mlflow-artifacts/artifacts/{{path:path}}",
                {"GET": self.get, "PUT": self.put, "DELETE": self.delete},
            )
        router.add("/get-artifact", {"GET": self.get_of_run})
        router.add("/ajax-api/2.0/mlflow/upload-artifact", {"POST": self.upload_to_run})
        router.add("/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files", {"GET": self.get_of_model})

    async def get(self, request: Request) -> Response:
        """GET and HEAD of a served file."""
        path = request.path_params["path"]
        store = await self._in_thread(self._served, read("path"), path)
        return await download(request, store, path, self._limiter)

    async def put(self, request: Request) -> Response:
        """Write a served file; the body is the file."""
        path = request.path_params["path"]
        try:
            paths.normalize_file(path)
            store = await self._in_thread(self._served, edit("path"), path)
            await self._write(request, store, path)
        except RunebookError:
            await drain(request, DRAINED_BYTES)
            raise
        return Response()

    async def delete(self, request: Request) -> Response:
        """Remove a served file or folder; one that is not there is removed already."""
        path = request.path_params["path"]
        store = await self._in_thread(self._served, edit("path"), path)
        await self._in_thread(store.delete, path)
        return Response(b"{}", media_type="application/json")

    async def get_of_run(self, request: Request) -> Response:
        """GET of a run's file, by the run's id and the path below its root."""
        fields = dict(query_pairs(request))
        run_id, path = _required(fields, "run_id", "run_uuid"), _required(fields, "path")
        store, whole = await self._in_thread(self._of_run, read("run_id"), run_id, path)
        return await download(request, store, whole, self._limiter)

    async def get_of_model(self, request: Request) -> Response:
        """GET of a logged model's file."""
        path = _required(dict(query_pairs(request)), "artifact_file_path")
        store, whole = await self._in_thread(self._of_model, request.path_params["model_id"], path)
        return await download(request, store, whole, self._limiter)

    async def upload_to_run(self, request: Request) -> Response:
        """Write a small file of a run, as the UI does."""
        async with self._room.body(request, MAX_UPLOAD_FORM_BYTES) as body:
            fields = dict(query_pairs(request))
            run_id, path = _required(fields, "run_id", "run_uuid"), _required(fields, "path")
            paths.normalize_file(path)
            store, whole = await self._in_thread(self._of_run, edit("run_id"), run_id, path)
            await self._in_thread(store.put, whole, [body])
        return Response()

    async def _in_thread(self, function: Any, *args: Any) -> Any:
        return await anyio.to_thread.run_sync(function, *args, limiter=self._limiter)

    async def _write(self, request: Request, store: ArtifactStore, path: str) -> None:
        """Hand the body to the store piece by piece: the thread waits for each, and memory holds one.

        It begins when the body has ended or is large: clients that stop early in it keep no others waiting.
        """
        incoming = body_chunks(request)
        first = bytearray()
        async for chunk in incoming:
            first += chunk
            if len(first) >= SMALL_BYTES:
                break
        following = partial(anext, incoming, b"")

        def chunks() -> Iterator[bytes]:
            yield bytes(first)
            first.clear()
            while chunk := anyio.from_thread.run(following):
                yield chunk

        await anyio.to_thread.run_sync(store.put, path, chunks(), limiter=self._uploads)

    def _served(self, needs: Permission, path: str) -> ArtifactStore:
        store = self._services.artifacts.served
        if store is None:
            raise TemporarilyUnavailable(_NOT_SERVED)
        name = paths.normalize(path)
        with self._services.storage.read() as tx:
            self._services.authorizer.authorize_path(OWNER, needs, name, tx)
        return store

    def _of_run(self, needs: Permission, run_id: str, path: str) -> tuple[ArtifactStore, str]:
        request = GetRun(run_id=RunId(run_id))
        with self._services.storage.read() as tx:
            self._services.authorizer.authorize(OWNER, needs, request, tx)
            root = tx.runs.get_info(run_id).artifact_uri
        return self._below(root, path)

    def _of_model(self, model_id: str, path: str) -> tuple[ArtifactStore, str]:
        request = GetLoggedModel(model_id=ModelId(model_id))
        with self._services.storage.read() as tx:
            self._services.authorizer.authorize(OWNER, read("model_id"), request, tx)
            root = tx.logged_models.get(model_id).info.artifact_uri
        return self._below(root, path)

    def _below(self, root: str, path: str) -> tuple[ArtifactStore, str]:
        name = paths.normalize(path)
        store, prefix = self._services.artifacts.resolve(root)
        return store, paths.join(prefix, name)


def _required(fields: dict[str, str], *names: str) -> str:
    for name in names:
        if fields.get(name):
            return fields[name]
    raise InvalidParameterValue(f"Missing value for required parameter '{names[0]}'.")
