"""A disk of a few megabytes: how to fill it to the last byte, and what is on it when its machine loses power."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILLER = "filler"
IMAGE_BYTES = 96 << 20
_AS_ROOT = [] if os.geteuid() == 0 else ["sudo", "-n"]


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system in memory, mounted below the folder."""
    place = folder / "disk"
    place.mkdir()
    options = f"size={megabytes}m,mode=700,uid={os.geteuid()}"
    subprocess.run([*_AS_ROOT, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run([*_AS_ROOT, "umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> None:
    """Leave no byte free."""
    file = os.open(disk / FILLER, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        size = 1 << 20
        while size:
            try:
                if not os.write(file, bytes(size)):
                    return
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2
    finally:
        os.close(file)


def free(disk: Path) -> None:
    """Take back what `fill` took."""
    (disk / FILLER).unlink()


class LoopDisk:
    """An ext4 file system in a file, on which only that is safe which was synced: what its file holds is what a
    machine that lost its power would find.
    """

    def __init__(self, folder: Path, name: str, image: Path | None = None) -> None:
        self.image = folder / f"{name}.img"
        self.path = folder / name
        self.path.mkdir()
        if image is None:
            with self.image.open("wb") as file:
                file.truncate(IMAGE_BYTES)
            _run("mkfs.ext4", "-q", "-F", "-E", "root_owner", str(self.image))
        else:
            _run("cp", "--sparse=always", str(image), str(self.image))

    def __enter__(self) -> LoopDisk:
        # It is not to sync by itself, only when it is asked to.
        _run(*_AS_ROOT, "mount", "-o", "loop,commit=300", str(self.image), str(self.path))
        return self

    def __exit__(self, *_: object) -> None:
        _run(*_AS_ROOT, "umount", "--lazy", str(self.path))


def _run(*command: str) -> None:
    environment = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    subprocess.run(command, check=True, env=environment)
