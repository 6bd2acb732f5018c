"""A file store as the contract suites drive it, and a look into its files that uses none of its readers."""

from __future__ import annotations

from pathlib import Path

from runebook.core.metrics import Point
from runebook.storage.base import Storage
from runebook.storage.files.storage import FileStorage


class FileBackend:
    """A store in an empty folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.storage: Storage = self.open_again()

    def open_again(self) -> Storage:
        return FileStorage.open(str(self.root), artifact_root=f"{self.root.as_uri()}/artifacts")

    def close(self) -> None:
        self.storage.close()

    def run_folder(self, run_id: str) -> Path:
        """Where a run lies, in the trash or not."""
        (meta,) = [*self.root.glob(f"*/{run_id}/meta.yaml"), *self.root.glob(f".trash/*/{run_id}/meta.yaml")]
        return meta.parent

    def raw_points(self, run_id: str, key: str) -> list[Point]:
        path = self.run_folder(run_id) / "metrics" / key
        fields = [line.split(" ") for line in path.read_text().splitlines()] if path.exists() else []
        return [Point(int(step), int(time), float(value)) for time, value, step, *_ in fields]

    def raw_params(self, run_id: str) -> dict[str, str]:
        return self._texts(run_id, "params")

    def raw_tags(self, run_id: str) -> dict[str, str]:
        return self._texts(run_id, "tags")

    def _texts(self, run_id: str, kind: str) -> dict[str, str]:
        folder = self.run_folder(run_id) / kind
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes().decode() for path in files}
