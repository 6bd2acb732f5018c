"""Running the server: one socket, one or more processes, until it is told to stop."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any

import uvicorn

from runebook.core.errors import InvalidParameterValue
from runebook.server import request_log
from runebook.server.app import App, create_app, open_store
from runebook.server.protocol import BoundedHttpProtocol
from runebook.server.settings import ServerSettings

STARTUP_PATIENCE_S = 60

MANY_FILES = 65_536
"""Files and connections that a server process may have open at once, where the system lets it."""


def serve(settings: ServerSettings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what was accepted, close the store and return.

    Raises:
        InvalidParameterValue: the port is taken, or the store has no such address.
        TemporarilyUnavailable: the store cannot be reached.

    """
    request_log.configure(settings.log_format, settings.log_level)
    _allow_many_connections()
    with closing(bind(settings.host, settings.port)) as listening, _signals_survived():
        address = _address(settings, listening)
        if settings.workers == 1:
            _serve_here(settings, listening, address)
        else:
            _serve_in_workers(settings, listening, address)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Connections wait in it until a process answers.

    Raises:
        InvalidParameterValue: the address is taken, or is none of this machine.

    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InvalidParameterValue(f"--host {host} is no address of this machine: {error.strerror}.") from error
    try:
        if os.name != "nt":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise InvalidParameterValue(f"Port {port} of {host} is in use; choose another with --port.") from error
        raise InvalidParameterValue(f"The server cannot listen on {host}:{port}: {error.strerror}.") from error
    return listening


def _allow_many_connections() -> None:
    """Each connection is an open file, of which many systems allow 1024 unless a process asks for more."""
    if os.name == "nt":
        return
    import resource  # Windows has none

    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if most == resource.RLIM_INFINITY else min(MANY_FILES, most)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        with suppress(OSError, ValueError):  # then it is as it was
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


class _AnnouncingServer(uvicorn.Server):
    """Calls back once it answers requests."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._announce()


def _serve_here(settings: ServerSettings, listening: socket.socket, address: str) -> None:
    app = create_app(settings)
    server = _AnnouncingServer(_config(settings, app), partial(_announce, address))
    try:
        server.run(sockets=[listening])
    except SystemExit:
        if app.startup_error is not None:
            raise app.startup_error from None
        raise


def _serve_in_workers(settings: ServerSettings, listening: socket.socket, address: str) -> None:
    """The store is made before the workers open it; a worker that dies is replaced."""
    from uvicorn.supervisors.multiprocess import Multiprocess  # one process needs none of it

    open_store(settings).close()
    config = _config(settings, partial(_create_worker_app, settings), factory=True, workers=settings.workers)
    threading.Thread(target=_announce_when_ready, args=(listening, address), daemon=True).start()
    Multiprocess(config, sockets=[listening]).run()


def _create_worker_app(settings: ServerSettings) -> App:
    """Runs in a worker. It stops when the process that started it is gone."""
    request_log.configure(settings.log_format, settings.log_level)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_stop_after, args=(parent,), daemon=True).start()
    return create_app(settings)


def _stop_after(parent: Any) -> None:
    parent.join()
    signal.raise_signal(signal.SIGTERM)


def _config(settings: ServerSettings, app: Any, *, factory: bool = False, workers: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=factory,
        workers=workers,
        loop="asyncio",
        http=BoundedHttpProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,  # longer than the usual proxy's, so that the proxy closes first
        timeout_graceful_shutdown=settings.graceful_stop_s,
    )


def _address(settings: ServerSettings, listening: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listening.getsockname()[1]}{settings.static_prefix}"


def _announce(address: str) -> None:
    sys.stdout.write(f"Runebook serves at {address}\n")
    sys.stdout.flush()


def _announce_when_ready(listening: socket.socket, address: str) -> None:
    """Ask for the health of the server until a worker answers."""
    import http.client  # 45 ms that one process alone does not pay

    host, port = listening.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
    deadline = time.monotonic() + STARTUP_PATIENCE_S
    while time.monotonic() < deadline:
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(reachable, port, timeout=STARTUP_PATIENCE_S)
            with closing(connection):
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    _announce(address)
                    return
        time.sleep(0.05)


@contextmanager
def _signals_survived() -> Iterator[None]:
    """The server stops on these signals by itself and then raises them again: by then they have done their work."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
