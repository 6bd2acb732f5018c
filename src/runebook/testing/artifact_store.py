"""The contract of `ArtifactStore`. A backend gives two fixtures: `store`, and `root`, the folder with its files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runebook.artifacts.base import CHUNK_BYTES, ArtifactStore
from runebook.core.artifacts import FileInfo
from runebook.core.errors import InvalidParameterValue, NotFound

AWKWARD_NAMES = ["a b.txt", "a%20b", "100%", "ünï/日本語.png", "a+b&c=d", "a?b", "a;b", "~a", "x" * 255, "ab:c", "-rf"]


def stored(root: Path) -> list[str]:
    """Everything below the root, looked at behind the store's back."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


class BrokenSourceError(Exception):
    """Stands for whatever stops the source of a file from giving more."""


class ArtifactStoreContract:
    def test_a_file_comes_back_as_it_was_put(self, store: ArtifactStore, root: Path) -> None:
        content = os.urandom(3 * CHUNK_BYTES + 17)

        store.put("a/b.bin", [content[:1000], b"", content[1000:]])

        chunks = list(store.get("a/b.bin"))
        assert b"".join(chunks) == content
        assert max(map(len, chunks)) <= CHUNK_BYTES
        assert (root / "a/b.bin").read_bytes() == content
        assert stored(root) == ["a", "a/b.bin"]

    def test_a_file_may_be_empty(self, store: ArtifactStore, root: Path) -> None:
        store.put("empty", [])

        assert b"".join(store.get("empty")) == b""
        assert (root / "empty").read_bytes() == b""
        assert store.stat("empty") == FileInfo(path="empty", is_dir=False, file_size=0)

    @pytest.mark.parametrize("name", AWKWARD_NAMES)
    def test_a_name_is_kept_to_the_letter(self, store: ArtifactStore, root: Path, name: str) -> None:
        store.put(name, [b"x"])

        assert (root / name).read_bytes() == b"x"
        assert b"".join(store.get(name)) == b"x"
        assert store.stat(name) == FileInfo(path=name, is_dir=False, file_size=1)
        store.delete(name)
        assert not (root / name).exists()

    @pytest.mark.parametrize(
        ("start", "end", "part"),
        [(2, 5, b"cde"), (8, None, b"ij"), (8, 99, b"ij"), (3, 3, b""), (10, None, b""), (99, None, b""), (0, 0, b"")],
    )
    def test_a_part_of_a_file_is_read_by_its_bounds(
        self, store: ArtifactStore, start: int, end: int | None, part: bytes
    ) -> None:
        store.put("f", [b"abcdefghij"])

        assert b"".join(store.get("f", start, end)) == part

    def test_a_put_replaces_the_file_and_readers_keep_what_they_opened(self, store: ArtifactStore) -> None:
        store.put("f", [b"old" * CHUNK_BYTES])
        reading = store.get("f")
        first = next(iter(reading))

        store.put("f", [b"new"])

        assert first + b"".join(reading) == b"old" * CHUNK_BYTES
        assert b"".join(store.get("f")) == b"new"

    def test_a_put_that_breaks_off_changes_nothing(self, store: ArtifactStore) -> None:
        store.put("kept", [b"before"])

        def broken() -> Iterator[bytes]:
            yield b"half of it"
            raise BrokenSourceError

        for path in ("kept", "never", "new/folder/never"):
            with pytest.raises(BrokenSourceError):
                store.put(path, broken())

        assert b"".join(store.get("kept")) == b"before"
        assert [file.path for file in store.list("")] == ["kept"]

    def test_a_folder_or_file_in_the_way_is_the_callers_error(self, store: ArtifactStore) -> None:
        store.put("a/b", [b"x"])

        for path in ("a", "a/b/c", "a/b/c/d"):
            with pytest.raises(InvalidParameterValue, match="in the way"):
                store.put(path, [b"y"])

    def test_a_listing_mixes_files_and_folders_by_plain_name(self, store: ArtifactStore) -> None:
        for path in ("b/x", "a.txt", "B", "c", "é"):
            store.put(path, [path.encode()])

        assert store.list("") == [
            FileInfo(path="B", is_dir=False, file_size=1),
            FileInfo(path="a.txt", is_dir=False, file_size=5),
            FileInfo(path="b", is_dir=True),
            FileInfo(path="c", is_dir=False, file_size=1),
            FileInfo(path="é", is_dir=False, file_size=2),
        ]
        assert store.list("b") == [FileInfo(path="b/x", is_dir=False, file_size=3)]

    def test_a_file_or_nothing_holds_nothing(self, store: ArtifactStore) -> None:
        store.put("f", [b"x"])

        assert store.list("f") == []
        assert store.list("missing/deeper") == []
        assert store.list("f/below") == []

    def test_stat_tells_files_folders_and_nothing_apart(self, store: ArtifactStore) -> None:
        store.put("a/f", [b"xyz"])

        assert store.stat("a/f") == FileInfo(path="a/f", is_dir=False, file_size=3)
        assert store.stat("a") == FileInfo(path="a", is_dir=True)
        assert store.stat("a/g") is None
        assert store.stat("a/f/below") is None

    def test_what_is_missing_or_a_folder_cannot_be_read(self, store: ArtifactStore) -> None:
        store.put("a/f", [b"x"])

        with pytest.raises(NotFound, match="No such artifact: 'a/g'"):
            store.get("a/g")
        with pytest.raises(NotFound):
            store.get("a/f/below")
        with pytest.raises(InvalidParameterValue, match="directory"):
            store.get("a")

    def test_deleting_removes_a_file_a_tree_and_minds_nothing_missing(self, store: ArtifactStore, root: Path) -> None:
        for path in ("a/b/c", "a/d", "e"):
            store.put(path, [b"x"])

        store.delete("e")
        store.delete("a")
        store.delete("a")
        store.delete("never/there")

        assert stored(root) == []

    def test_the_root_is_not_deleted(self, store: ArtifactStore, root: Path) -> None:
        store.put("a", [b"x"])

        for path in ("", ".", "./"):
            with pytest.raises(InvalidParameterValue):
                store.delete(path)

        assert stored(root) == ["a"]

    @pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/%2e%2e/b", "a\\b", "a\0b", "C:/x", "a#b"])
    def test_a_path_that_leads_out_is_refused(self, store: ArtifactStore, root: Path, path: str) -> None:
        store.put("a/b", [b"x"])

        for use in (store.stat, store.list, store.delete, store.get, store.local_path):
            with pytest.raises(InvalidParameterValue, match="Invalid path"):
                use(path)
        with pytest.raises(InvalidParameterValue, match="Invalid path"):
            store.put(path, [b"y"])
        assert stored(root) == ["a", "a/b"]
