"""Artifacts: the files of runs and models."""

from __future__ import annotations

from runebook.core.records import Record


class FileInfo(Record):
    """A file or folder below a root; folders have no size."""

    path: str
    is_dir: bool
    file_size: int | None = None
