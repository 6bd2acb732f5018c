"""One open transport per store and process, shared by all who track there."""

from __future__ import annotations

import os
import threading

from runebook.client import uris
from runebook.client.transport import Transport
from runebook.config import HttpSettings, Settings

_open: dict[tuple[str, HttpSettings | None], Transport] = {}
_lock = threading.Lock()


def open_transport(uri: str, settings: Settings) -> Transport:
    """The transport to an absolute URI; the first caller opens it."""
    key = (uri, settings.http if uris.is_server(uri) else None)
    found = _open.get(key)
    if found is not None:
        return found
    with _lock:
        if key not in _open:
            _open[key] = _connect(uri, settings.http)
        return _open[key]


def close_all() -> None:
    """Close every transport; the next call opens anew."""
    with _lock:
        transports = list(_open.values())
        _open.clear()
    for transport in transports:
        transport.close()


def _connect(uri: str, http: HttpSettings) -> Transport:
    if uris.is_server(uri):
        from runebook.client.http import HttpTransport  # not before it is needed: local use has no network

        return HttpTransport(uri, http)
    from runebook.client.local import open_local

    return open_local(uri)


def _before_fork() -> None:
    _lock.acquire()
    for transport in _open.values():
        transport.before_fork()


def _after_fork_in_parent() -> None:
    for transport in _open.values():
        transport.after_fork()
    _lock.release()


def _after_fork_in_child() -> None:
    for transport in _open.values():
        transport.after_fork_in_child()
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
