"""`meta.yaml` as MLflow writes it: keys in order, its emitter, its line width. `yaml` is imported when first needed."""

from __future__ import annotations

import logging
import time
from typing import Any, TypeAlias

from runebook.core.errors import InternalError
from runebook.storage.files.changes import Files

Meta: TypeAlias = dict[str, Any]

_log = logging.getLogger(__name__)
_Signature: TypeAlias = tuple[int, int, int]

SETTLED_NS = 100_000_000
"""A file changed more lately than this may change again without its time and size showing it."""

MAX_CACHED = 100_000


class Malformed(InternalError):
    """A file that is there cannot be understood; the message names it."""


class MetaCache:
    """Parsed files by path, good as long as their time, size and inode are the same. Shared between threads."""

    def __init__(self) -> None:
        self._parsed: dict[str, tuple[_Signature, Meta]] = {}
        self._reported: set[tuple[str, str]] = set()

    def read(self, files: Files, path: str) -> Meta | None:
        """A copy of what the file says, or None where there is none.

        Raises:
            Malformed: it is no YAML mapping.

        """
        if files.has_changed(path):
            data = files.read(path)
            return None if data is None else parse(path, data)
        try:
            status = files.path(path).stat()
        except (FileNotFoundError, NotADirectoryError):
            self._parsed.pop(path, None)
            return None
        signature = (status.st_mtime_ns, status.st_size, status.st_ino)
        known = self._parsed.get(path)
        if known is not None and known[0] == signature:
            return dict(known[1])
        data = files.read(path)
        if data is None:
            return None
        meta = parse(path, data)
        if time.time_ns() - status.st_mtime_ns > SETTLED_NS and len(data) == status.st_size:
            if len(self._parsed) >= MAX_CACHED:
                self._parsed.clear()
            self._parsed[path] = (signature, meta)
        return dict(meta)

    def report(self, path: str, error: Exception) -> None:
        """Log once that something is passed over."""
        told = (path, str(error))
        if told not in self._reported:
            self._reported.add(told)
            _log.warning("Passed over %s: %s", path, error)


def parse(path: str, data: bytes) -> Meta:
    """The mapping in a file; MLflow's tags `!!` that name Python types are refused."""
    import yaml  # 40 ms, and only file stores need it

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        found = yaml.load(data, Loader=loader)  # noqa: S506  # a safe loader, of C where that was built
    except (yaml.YAMLError, ValueError) as error:
        raise Malformed(f"{path} is malformed: {' '.join(str(error).split())}") from error
    if not isinstance(found, dict):
        raise Malformed(f"{path} is malformed: it holds no mapping")
    return found


def dump(meta: Meta) -> bytes:
    """The bytes that MLflow would write."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(meta, Dumper=dumper, default_flow_style=False, allow_unicode=True)
    return text.encode("utf-8")


def text_of(meta: Meta, key: str, default: str | None = None) -> str:
    """A field that must be there; a number stands for its digits.

    Raises:
        KeyError: it is missing, and there is no default.

    """
    found = meta.get(key)
    if found is None:
        if default is None:
            raise KeyError(key)
        return default
    return str(found)


def optional_text(meta: Meta, key: str) -> str | None:
    found = meta.get(key)
    return None if found is None else str(found)


def optional_int(meta: Meta, key: str) -> int | None:
    found = meta.get(key)
    return None if found is None else int(found)
