"""From the URI of a store to the open store. Backends are imported when they are asked for."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from runebook.core.errors import InvalidParameterValue
from runebook.storage.base import Storage

SQL_SCHEMES = frozenset({"sqlite", "postgresql", "postgres", "mysql", "mariadb", "mssql", "memory"})


def open_storage(uri: str, *, artifact_root: str) -> Storage:
    """Open a store, and make it where there is none yet.

    Args:
        uri: `sqlite:///file.db`, `memory:`, `postgresql://...`, `mysql://...`, `file:///folder` or a plain path.
            A driver after the scheme (`postgresql+psycopg2:`) is accepted and ignored.
        artifact_root: where the artifacts of experiments go that name no place.

    Raises:
        InvalidParameterValue: no store has such an address.
        TemporarilyUnavailable: the store cannot be reached.
    """
    scheme = uri.partition(":")[0].partition("+")[0].lower() if ":" in uri else ""
    if scheme in SQL_SCHEMES:
        from runebook.storage.sql.storage import SqlStorage

        return SqlStorage.open(uri, artifact_root=artifact_root)
    if scheme in {"", "file"} or (len(scheme) == 1 and scheme.isalpha()):
        from runebook.storage.files.storage import FileStorage

        return FileStorage.open(_folder(uri, scheme), artifact_root=artifact_root)
    raise InvalidParameterValue(
        f"No store has the address {_masked(uri)!r}. "
        "Use sqlite:///FILE, memory:, postgresql://..., mysql://..., or a folder."
    )


def _folder(uri: str, scheme: str) -> str:
    if scheme != "file":
        return uri
    parsed = urlsplit(uri)
    if parsed.netloc not in {"", "localhost"}:
        raise InvalidParameterValue(f"The folder of a file store must be on this machine, not on {parsed.netloc!r}.")
    return unquote(parsed.path)


def _masked(uri: str) -> str:
    """The address without the password that it may hold."""
    before, at, after = uri.rpartition("@")
    return f"{before.partition('://')[0]}://***{at}{after}" if at else uri
