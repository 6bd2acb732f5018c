"""The ASGI app. It alone opens the store and the artifacts and hands them to the services."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import anyio
import anyio.to_thread
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from runebook.api import OPERATIONS
from runebook.artifacts.local import LocalArtifactStore
from runebook.artifacts.resolver import ArtifactResolver
from runebook.core.errors import NotSupported, RunebookError
from runebook.server import health, openapi
from runebook.server.artifacts import ArtifactRoutes
from runebook.server.chores import chores
from runebook.server.committing import Committing
from runebook.server.errors import ErrorBoundary
from runebook.server.operations import OperationRoutes
from runebook.server.request_log import RequestLog
from runebook.server.routing import Router
from runebook.server.security import OPEN_PATHS, Security
from runebook.server.settings import ServerSettings
from runebook.services.context import ServerFacts
from runebook.services.dispatch import Services
from runebook.services.handlers import handler_of
from runebook.storage.base import Storage
from runebook.storage.opening import open_storage

OPERATION_THREADS = 6
"""Operations that run at once, beside the group commit, folding and leases: of each process's 8 database connections
they leave one to the group commit."""

FILE_THREADS = 16
"""Steps of downloads (a lookup, a chunk) that run at once."""


class App:
    """One server process. Between the start and the end of its lifespan it answers requests."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._answer: ASGIApp | None = None
        self.startup_error: RunebookError | None = None
        """Why the lifespan could not start, for who runs the server to say."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            assert self._answer is not None, "the server must run the lifespan before it sends requests"
            await self._answer(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with contextlib.AsyncExitStack() as opened:
            try:
                services = await opened.enter_async_context(_open_services(self._settings))
                committing = await opened.enter_async_context(_open_committing(services))
            except RunebookError as error:
                self.startup_error = error
                await send({"type": "lifespan.startup.failed", "message": error.message})
                return
            self._answer = build(self._settings, services, committing)
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


def create_app(settings: ServerSettings) -> App:
    """The app of these settings; its lifespan opens and closes the store."""
    return App(settings)


def open_store(settings: ServerSettings) -> Storage:
    """The store of these settings, made where there is none yet."""
    return open_storage(settings.backend_store_uri, artifact_root=settings.artifact_root)


def build(settings: ServerSettings, services: Services, committing: Committing) -> ASGIApp:
    """The layers around the routes, the outermost last."""
    router = Router(settings.static_prefix, open_paths=OPEN_PATHS)
    routes = OperationRoutes(services, committing, threads=OPERATION_THREADS, max_body_bytes=settings.max_body_bytes)
    routes.add_to(router)
    ArtifactRoutes(services, anyio.CapacityLimiter(FILE_THREADS)).add_to(router)
    router.add("/health", {"GET": health.health})
    router.add("/version", {"GET": health.version})
    router.add("/", {"GET": partial(health.start_page, settings.static_prefix)})
    router.add(openapi.PATH, {"GET": partial(_openapi, settings.static_prefix)})
    app: ASGIApp = ErrorBoundary(router)
    if not settings.disable_security:
        app = Security(
            app,
            allowed_hosts=settings.allowed_hosts,
            allowed_origins=settings.cors_allowed_origins,
            x_frame_options=settings.x_frame_options,
            static_prefix=settings.static_prefix,
        )
    return RequestLog(app)


def open_artifacts(settings: ServerSettings) -> ArtifactResolver:
    """What the server may read and write: its destination, and what stands below its own roots.

    Raises:
        NotSupported: the destination is no folder of this machine.

    """
    served = LocalArtifactStore(_local_folder(settings.artifacts_destination)) if settings.serve_artifacts else None
    roots = [_local_folder(settings.artifacts_destination)] if settings.serve_artifacts else []
    with contextlib.suppress(NotSupported):
        roots.append(_local_folder(settings.artifact_root))
    return ArtifactResolver(served=served, roots=roots)


@contextlib.asynccontextmanager
async def _open_services(settings: ServerSettings) -> AsyncIterator[Services]:
    artifacts = open_artifacts(settings)
    storage = await anyio.to_thread.run_sync(open_store, settings)
    facts = ServerFacts(artifact_serving_enabled=settings.serve_artifacts)
    at_work = chores(storage, fold_interval_s=settings.fold_interval_s, lease_interval_s=settings.lease_interval_s)
    for chore in at_work:
        chore.start()
    for operation in OPERATIONS.values():
        handler_of(operation)
    try:
        yield Services(storage, artifacts, facts=facts)
    finally:
        for chore in at_work:
            await anyio.to_thread.run_sync(chore.stop)
        await anyio.to_thread.run_sync(storage.close)


@contextlib.asynccontextmanager
async def _open_committing(services: Services) -> AsyncIterator[Committing]:
    committing = Committing(services)
    committing.start()
    try:
        yield committing
    finally:
        await anyio.to_thread.run_sync(committing.stop)


async def _openapi(static_prefix: str, _: Request) -> Response:
    return Response(msgspec.json.encode(openapi.openapi_document(static_prefix)), media_type="application/json")


def _local_folder(uri: str) -> Path:
    """The folder of a path or a `file:` URI.

    Raises:
        NotSupported: the URI is of another kind.

    """
    scheme = uri.partition(":")[0].lower() if ":" in uri else ""
    if scheme == "file":
        return Path(unquote(urlsplit(uri).path)).absolute()
    if len(scheme) > 1:
        raise NotSupported(f"This server keeps artifacts in a folder of its machine, not at {scheme!r} addresses yet.")
    return Path(uri).absolute()
