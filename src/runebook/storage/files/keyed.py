"""Texts by key, a file each: how params and tags of experiments, runs and logged models are stored.

MLflow's layout makes folders of the slashes in a key, so it has no place for `a` beside `a/b`, nor for a part of
more than 255 bytes. Such keys lie in the owner's hidden folder, where MLflow does not see them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runebook.core.params import Param
from runebook.storage.base import ParamConflict
from runebook.storage.files.changes import Files
from runebook.storage.files.layout import fits, is_key, key_path, overflow_folder, overflow_name, overflow_path


def find(files: Files, owner: str, kind: str, key: str) -> str | None:
    """The path of the file of a key, or None where there is none."""
    if not is_key(key):
        return None
    path = key_path(owner, kind, key)
    if fits(key) and files.is_file(path):
        return path
    hidden = overflow_path(owner, kind, key)
    return hidden if files.is_file(overflow_name(hidden)) else None


def place(files: Files, owner: str, kind: str, key: str) -> str:
    """The path of the file of a key, made known where it is new and MLflow's layout has no place for it."""
    found = find(files, owner, kind, key)
    if found is not None:
        return found
    path = key_path(owner, kind, key)
    if fits(key) and not files.is_folder(path) and not _is_below_a_file(files, owner, kind, key):
        return path
    hidden = overflow_path(owner, kind, key)
    files.write(overflow_name(hidden), key.encode())
    return hidden


def paths(files: Files, owner: str, kind: str) -> Iterator[tuple[str, str]]:
    """Each key with the path of its file, in the order of keys."""
    found = {key: f"{owner}/{kind}/{key}" for key in files.walk(f"{owner}/{kind}")}
    hidden = overflow_folder(owner, kind)
    for name in files.children(hidden):
        if name.endswith(".key"):
            key = (files.read(f"{hidden}/{name}") or b"").decode("utf-8")
            found.setdefault(key, f"{hidden}/{name.removesuffix('.key')}")
    yield from sorted(found.items())


def read(files: Files, owner: str, kind: str, key: str) -> str | None:
    path = find(files, owner, kind, key)
    data = None if path is None else files.read(path)
    return None if data is None else _text(data)


def read_all(files: Files, owner: str, kind: str) -> dict[str, str]:
    """Every key with its text, in the order of keys."""
    found = {}
    for key, path in paths(files, owner, kind):
        data = files.read(path)
        if data is not None:
            found[key] = _text(data)
    return found


def write(files: Files, owner: str, kind: str, key: str, text: str) -> None:
    files.write(place(files, owner, kind, key), text.encode())


def delete(files: Files, owner: str, kind: str, key: str) -> bool:
    """Whether the key was there."""
    path = find(files, owner, kind, key)
    if path is None:
        return False
    files.delete(path)
    name = overflow_name(path)
    if files.is_file(name):
        files.delete(name)
    return True


def add_params(files: Files, owner: str, params: Sequence[Param]) -> list[ParamConflict]:
    """Add all params or none; one that is there with the same value is left. Returns those with another value."""
    values: dict[str, str] = {}
    conflicts = []
    for param in params:
        value = read(files, owner, "params", param.key)
        if value is None:
            value = values.setdefault(param.key, param.value)
        if value != param.value:
            conflicts.append(ParamConflict(param, value))
    if not conflicts:
        for key, value in values.items():
            write(files, owner, "params", key, value)
    return conflicts


def _is_below_a_file(files: Files, owner: str, kind: str, key: str) -> bool:
    parts = key.split("/")[:-1]
    return any(files.is_file(f"{owner}/{kind}/{'/'.join(parts[:count])}") for count in range(1, len(parts) + 1))


def _text(data: bytes) -> str:
    """Bytes that are no UTF-8 (a torn write of somebody's) are shown as replacement characters."""
    return data.decode("utf-8", "replace")
