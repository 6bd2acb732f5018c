"""One open transport and one log per store and process, shared by all who track there."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from typing import NamedTuple

from runebook.client import uris
from runebook.client.logging import DirectLog
from runebook.client.offline_transport import OfflineTransport
from runebook.client.spool.run_log import SpooledLog
from runebook.client.transport import Transport
from runebook.config import HttpSettings, Settings, SpoolSettings


class Opened(NamedTuple):
    """A store as this process has it open."""

    transport: Transport
    log: SpooledLog | DirectLog


_Key = tuple[str, HttpSettings | None, SpoolSettings]

_open: dict[_Key, Opened] = {}
_lock = threading.Lock()
_watched: set[int] = set()
"""Processes whose end is watched."""


def open_store(uri: str, settings: Settings) -> Opened:
    """The store at an absolute URI; the first caller opens it."""
    key = (uri, settings.http if uris.is_server(uri) else None, settings.spool)
    found = _open.get(key)
    if found is not None:
        return found
    with _lock:
        if key not in _open:
            _open[key] = _connect(uri, settings)
        return _open[key]


def flush_all(seconds: float | None = None) -> None:
    """Wait until every store has what this process logged. Raises as `RunLog.flush`."""
    for opened in list(_open.values()):
        opened.log.flush(seconds)


def close_all() -> None:
    """Close every store; the next call opens anew."""
    with _lock:
        stores = list(_open.values())
        _open.clear()
    for opened in stores:
        if isinstance(opened.log, SpooledLog):
            opened.log.close()
        opened.transport.close()


def finish_all() -> None:
    """When the process ends: wait for the stores, say what they do not have, and close them."""
    for opened in list(_open.values()):
        if isinstance(opened.log, SpooledLog):
            opened.log.leave()
    close_all()


def _watch_exit() -> None:
    """A child of `multiprocessing` leaves without running what `atexit` holds."""
    pid = os.getpid()
    if pid in _watched:
        return
    if not _watched:
        atexit.register(finish_all)  # a forked child inherits it
    _watched.add(pid)
    multiprocessing = sys.modules.get("multiprocessing.process")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, finish_all, exitpriority=50)


def _connect(uri: str, settings: Settings) -> Opened:
    if settings.spool.is_offline:
        away = OfflineTransport(uri)
        return Opened(away, SpooledLog(away, settings.spool, _watch_exit))
    transport = connect(uri, settings.http)
    if uri.startswith("memory:"):
        return Opened(transport, DirectLog(transport))
    return Opened(transport, SpooledLog(transport, settings.spool, _watch_exit))


def connect(uri: str, http: HttpSettings) -> Transport:
    """A transport of one's own to the store at an absolute URI."""
    if uris.is_server(uri):
        from runebook.client.http import HttpTransport  # not before it is needed: local use has no network

        return HttpTransport(uri, http)
    from runebook.client.local import open_local

    return open_local(uri)


def _before_fork() -> None:
    _lock.acquire()
    for opened in _open.values():
        opened.transport.before_fork()


def _after_fork_in_parent() -> None:
    for opened in _open.values():
        opened.transport.after_fork()
        if isinstance(opened.log, SpooledLog):
            opened.log.after_fork_in_parent()
    _lock.release()


def _after_fork_in_child() -> None:
    for opened in _open.values():
        opened.transport.after_fork_in_child()
        if isinstance(opened.log, SpooledLog):
            opened.log.after_fork_in_child()
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
