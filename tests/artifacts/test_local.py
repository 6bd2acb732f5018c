from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runebook.artifacts.base import CHUNK_BYTES
from runebook.artifacts.local import LocalArtifactStore
from runebook.core.artifacts import FileInfo
from runebook.core.errors import InvalidParameterValue, NotFound


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture
def store(root: Path) -> LocalArtifactStore:
    return LocalArtifactStore(root)


def _files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


def test_a_file_comes_back_as_it_was_put(store: LocalArtifactStore, root: Path) -> None:
    content = os.urandom(3 * CHUNK_BYTES + 17)

    store.put("a/b.bin", [content[:1000], b"", content[1000:]])

    chunks = list(store.get("a/b.bin"))
    assert b"".join(chunks) == content
    assert max(map(len, chunks)) <= CHUNK_BYTES
    assert (root / "a/b.bin").read_bytes() == content
    assert _files(root) == ["a", "a/b.bin"]


@pytest.mark.parametrize(("start", "end", "part"), [(2, 5, b"cde"), (8, None, b"ij"), (8, 99, b"ij"), (3, 3, b"")])
def test_a_part_of_a_file_is_read_by_its_bounds(
    store: LocalArtifactStore, start: int, end: int | None, part: bytes
) -> None:
    store.put("f", [b"abcdefghij"])

    assert b"".join(store.get("f", start, end)) == part


def test_a_put_replaces_the_file_and_readers_keep_what_they_opened(store: LocalArtifactStore) -> None:
    store.put("f", [b"old" * CHUNK_BYTES])
    reading = store.get("f")
    first = next(iter(reading))

    store.put("f", [b"new"])

    assert first + b"".join(reading) == b"old" * CHUNK_BYTES
    assert b"".join(store.get("f")) == b"new"


def test_a_put_that_breaks_off_changes_nothing(store: LocalArtifactStore, root: Path) -> None:
    store.put("kept", [b"before"])

    def broken() -> Iterator[bytes]:
        yield b"half of it"
        raise ConnectionResetError("the sender left")

    for path in ("kept", "never", "new/folder/never"):
        with pytest.raises(ConnectionResetError):
            store.put(path, broken())

    assert _files(root) == ["kept"]
    assert b"".join(store.get("kept")) == b"before"


def test_a_file_that_is_being_written_is_not_listed(store: LocalArtifactStore) -> None:
    seen: list[list[FileInfo]] = []

    def watched() -> Iterator[bytes]:
        yield b"x"
        seen.append(store.list("folder"))

    store.put("folder/f", watched())

    assert seen == [[]]


def test_a_folder_in_the_way_of_a_file_is_the_callers_error(store: LocalArtifactStore) -> None:
    store.put("a/b", [b"x"])

    for path in ("a", "a/b/c", "a/b/c/d"):
        with pytest.raises(InvalidParameterValue, match="in the way"):
            store.put(path, [b"y"])


def test_a_listing_mixes_files_and_folders_by_plain_name(store: LocalArtifactStore) -> None:
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


def test_a_file_or_nothing_holds_nothing(store: LocalArtifactStore) -> None:
    store.put("f", [b"x"])

    assert store.list("f") == []
    assert store.list("missing/deeper") == []
    assert store.list("f/below") == []


def test_stat_tells_files_folders_and_nothing_apart(store: LocalArtifactStore) -> None:
    store.put("a/f", [b"xyz"])

    assert store.stat("a/f") == FileInfo(path="a/f", is_dir=False, file_size=3)
    assert store.stat("a") == FileInfo(path="a", is_dir=True)
    assert store.stat("a/g") is None
    assert store.stat("a/f/below") is None


def test_what_is_missing_or_a_folder_cannot_be_read(store: LocalArtifactStore) -> None:
    store.put("a/f", [b"x"])

    with pytest.raises(NotFound, match="No such artifact: 'a/g'"):
        store.get("a/g")
    with pytest.raises(NotFound):
        store.get("a/f/below")
    with pytest.raises(InvalidParameterValue, match="directory"):
        store.get("a")


def test_deleting_removes_a_file_a_tree_and_minds_nothing_missing(store: LocalArtifactStore, root: Path) -> None:
    for path in ("a/b/c", "a/d", "e"):
        store.put(path, [b"x"])

    store.delete("e")
    store.delete("a")
    store.delete("a")
    store.delete("never/there")

    assert _files(root) == []


def test_the_root_is_not_deleted(store: LocalArtifactStore, root: Path) -> None:
    store.put("a", [b"x"])

    for path in ("", ".", "./"):
        with pytest.raises(InvalidParameterValue, match="root"):
            store.delete(path)

    assert _files(root) == ["a"]


def test_a_link_out_of_the_root_is_not_followed(store: LocalArtifactStore, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("s")
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    (root / "dangling").symlink_to(tmp_path / "nowhere")

    assert store.list("") == []
    for path in ("file", "folder/secret", "folder", "dangling"):
        with pytest.raises(InvalidParameterValue, match="leads out"):
            store.get(path)
        with pytest.raises(InvalidParameterValue, match="leads out"):
            store.stat(path)
    for path in ("folder/new", "file"):
        with pytest.raises(InvalidParameterValue, match="leads out"):
            store.put(path, [b"x"])
    with pytest.raises(InvalidParameterValue, match="leads out"):
        store.delete("folder/secret")
    assert (outside / "secret").read_text() == "s"
    assert _files(outside) == ["secret"]


def test_a_link_below_the_root_is_followed_and_only_the_link_is_deleted(store: LocalArtifactStore, root: Path) -> None:
    store.put("real/f", [b"x"])
    (root / "link").symlink_to(root / "real")

    assert b"".join(store.get("link/f")) == b"x"
    store.delete("link")
    assert _files(root) == ["real", "real/f"]


def test_a_name_that_the_file_system_refuses_is_the_callers_error(tmp_path: Path) -> None:
    store = LocalArtifactStore(tmp_path / "/".join(["n" * 200] * 12))

    with pytest.raises(InvalidParameterValue, match="Invalid path"):
        store.put("/".join(["m" * 200] * 9), [b"x"])

    assert not any(file.name.startswith("m") for file in tmp_path.rglob("*"))


def test_putting_from_many_threads_leaves_one_whole_file(store: LocalArtifactStore, root: Path) -> None:
    contents = [bytes([65 + index]) * 100_000 for index in range(8)]
    threads = [threading.Thread(target=store.put, args=("a/f", [content])) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert b"".join(store.get("a/f")) in contents
    assert _files(root) == ["a", "a/f"]


def test_the_local_path_is_where_the_file_is(store: LocalArtifactStore, root: Path) -> None:
    assert store.local_path("a/b") == root / "a/b"
