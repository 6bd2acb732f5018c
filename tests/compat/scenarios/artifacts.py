"""Every way in which MlflowClient puts, lists and gets artifacts of a run."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy
from matplotlib.figure import Figure
from recorder import Recorder

_MISSING = "0123456789abcdef0123456789abcdef"


def make_files(root: Path) -> Path:
    """A small tree to upload: text, bytes, an empty file, odd names."""
    root.mkdir(exist_ok=True)
    (root / "deep" / "er").mkdir(parents=True, exist_ok=True)
    (root / "plain.txt").write_text("plain", encoding="utf-8")
    (root / "empty.bin").write_bytes(b"")
    (root / "ünï cödé & 100%.txt").write_text("ünï", encoding="utf-8")
    (root / "deep" / "er" / "bytes.bin").write_bytes(bytes(range(256)) * 1000)
    return root


def ask(record: Recorder, client: Any, prefix: str) -> None:
    experiment = record.create_experiment("create for artifacts", client.create_experiment, f"{prefix}/artifacts")
    run = client.create_run(experiment, start_time=1000, run_name="artifacts")
    run_id = run.info.run_id
    record.ask("artifacts of a new run", client.list_artifacts, run_id)
    files = make_files(Path("files"))
    _put(record, client, run_id, files)
    _list(record, client, run_id)
    _get(record, client, run_id)
    _tables(record, client, experiment, run_id)
    _images(record, client, experiment)


def _put(record: Recorder, client: Any, run_id: str, files: Path) -> None:
    record.ask("artifact", client.log_artifact, run_id, str(files / "plain.txt"))
    record.ask("artifact in a directory", client.log_artifact, run_id, str(files / "plain.txt"), "in/there")
    record.ask("artifact of a directory", client.log_artifact, run_id, str(files / "deep"))
    record.ask("artifacts", client.log_artifacts, run_id, str(files), "tree")
    record.ask("artifact text", client.log_text, run_id, "text ✓", "texts/a.txt")
    record.ask("artifact text overwritten", client.log_text, run_id, "text again", "texts/a.txt")
    record.ask("artifact dict", client.log_dict, run_id, {"b": [1, 2.5, None], "a": {"ü": True}}, "dicts/a.json")
    record.ask("artifact yaml", client.log_dict, run_id, {"b": [1, 2.5, None], "a": "x"}, "dicts/a.yaml")
    record.ask("artifact figure", client.log_figure, run_id, Figure(), "figures/a.png")
    pixels = numpy.zeros((4, 4, 3), dtype=numpy.uint8)
    record.ask("artifact image", client.log_image, run_id, pixels, "images/a.png")
    if hasattr(client, "log_stream"):
        record.ask("artifact stream", client.log_stream, run_id, io.BytesIO(b"streamed" * 1000), "streams/a.bin")
    record.ask("artifact of a missing file", client.log_artifact, run_id, "no such file")
    record.ask("artifact out of the root", client.log_artifact, run_id, str(files / "plain.txt"), "../out")
    record.ask("artifact at a root", client.log_artifact, run_id, str(files / "plain.txt"), "/etc")
    record.ask("artifact of no run", client.log_text, _MISSING, "x", "a.txt")


def _list(record: Recorder, client: Any, run_id: str) -> None:
    for path in (None, "tree", "tree/deep", "tree/deep/er", "in", "texts", "no such path", "plain.txt"):
        record.ask(f"list {path}", client.list_artifacts, run_id, path)
    for path in ("..", "a/../..", "/etc", "%2e%2e/a", "tree/../../x"):
        record.ask(f"list hostile {path}", client.list_artifacts, run_id, path)
    record.ask("list of no run", client.list_artifacts, _MISSING)


def _get(record: Recorder, client: Any, run_id: str) -> None:
    target = Path("downloads")
    target.mkdir(exist_ok=True)

    def content(path: str) -> Any:
        found = Path(client.download_artifacts(run_id, path, str(target)))
        if found.is_file():
            return found.read_bytes().hex()[:64]
        return sorted(f"{item.relative_to(found)}:{item.stat().st_size}" for item in found.rglob("*") if item.is_file())

    for path in ("plain.txt", "tree/ünï cödé & 100%.txt", "tree/empty.bin", "tree/deep/er/bytes.bin", "texts/a.txt"):
        record.ask(f"download {path}", content, path)
    for path in ("dicts/a.json", "dicts/a.yaml", "tree", "deep"):
        record.ask(f"download {path}", content, path)
    record.ask("download missing", content, "no such path")
    record.ask("download hostile", content, "../../secret")


def _tables(record: Recorder, client: Any, experiment: str, run_id: str) -> None:
    record.ask("table", client.log_table, run_id, {"q": ["a", "b"], "n": [1, 2]}, "tables/t.json")
    record.ask("table appended", client.log_table, run_id, {"q": ["c"], "n": [3]}, "tables/t.json")
    record.ask("table read", client.load_table, experiment, "tables/t.json")
    record.ask("table with runs", client.load_table, experiment, "tables/t.json", [run_id], ["run_id"])
    record.ask("table missing", client.load_table, experiment, "tables/none.json")
    record.ask("table tag", lambda: client.get_run(run_id).data.tags.get("mlflow.loggedArtifacts"))


def _images(record: Recorder, client: Any, experiment: str) -> None:
    run_id = client.create_run(experiment, start_time=2000, run_name="images").info.run_id
    pixels = numpy.zeros((4, 4), dtype=numpy.uint8)
    record.ask("image of a step", client.log_image, run_id, pixels, key="a/b", step=2, timestamp=5, synchronous=True)
    record.ask("images", lambda: sorted((file.path, file.is_dir) for file in client.list_artifacts(run_id, "images")))
    record.ask("image tag", lambda: client.get_run(run_id).data.tags.get("mlflow.loggedImages"))
