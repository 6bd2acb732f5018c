from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runebook.artifacts.local import LocalArtifactStore
from runebook.core.artifacts import FileInfo
from runebook.core.errors import InvalidParameterValue, NotFound, RunebookError
from runebook.testing.artifact_store import ArtifactStoreContract, stored


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture
def store(root: Path) -> LocalArtifactStore:
    return LocalArtifactStore(root)


class TestLocalArtifactStore(ArtifactStoreContract):
    """On the file system."""


def test_a_file_that_is_being_written_is_not_listed(store: LocalArtifactStore) -> None:
    seen: list[list[FileInfo]] = []

    def watched() -> Iterator[bytes]:
        yield b"x"
        seen.append(store.list("folder"))

    store.put("folder/f", watched())

    assert seen == [[]]


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
    assert stored(outside) == ["secret"]


def test_a_link_below_the_root_is_followed_and_only_the_link_is_deleted(store: LocalArtifactStore, root: Path) -> None:
    store.put("real/f", [b"x"])
    (root / "link").symlink_to(root / "real")

    assert b"".join(store.get("link/f")) == b"x"
    store.delete("link")
    assert stored(root) == ["real", "real/f"]


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
    assert stored(root) == ["a", "a/f"]


def test_the_local_path_is_where_the_file_is(store: LocalArtifactStore, root: Path) -> None:
    assert store.local_path("a/b") == root / "a/b"


def test_a_put_that_breaks_off_leaves_no_folder(store: LocalArtifactStore, root: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half of it"
        raise ConnectionResetError("the sender left")

    with pytest.raises(ConnectionResetError):
        store.put("new/folder/never", broken())

    assert stored(root) == []


def test_a_link_to_itself_is_the_callers_error_and_spoils_no_listing(store: LocalArtifactStore, root: Path) -> None:
    store.put("file", [b"x"])
    (root / "loop").symlink_to("loop")

    assert store.list("") == [FileInfo(path="file", is_dir=False, file_size=1)]
    for path in ("loop", "loop/below"):
        with pytest.raises((InvalidParameterValue, NotFound)):
            store.get(path)
    with pytest.raises(InvalidParameterValue):
        store.put("loop/below", [b"x"])
    store.delete("loop")
    assert not (root / "loop").is_symlink()


@pytest.mark.parametrize("replaced", [False, True])
def test_an_upload_whose_folder_is_deleted_under_it_says_so(
    store: LocalArtifactStore, root: Path, replaced: bool
) -> None:
    store.put("folder/first", [b"x"])

    def chunks() -> Iterator[bytes]:
        yield b"x"
        store.delete("folder")
        if replaced:
            store.put("folder", [b"a file"])

    with pytest.raises(RunebookError, match="folder/second"):
        store.put("folder/second", chunks())
    assert [path.name for path in root.rglob("*")] == (["folder"] if replaced else [])
