from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import runebook as rb
from runebook.core.errors import InvalidParameterValue


def test_paths_in_a_run_may_be_pathlibs(own_store: Path) -> None:
    (own_store / "weights.bin").write_bytes(b"w")

    with rb.start_run() as run:
        rb.log_text("hello", Path("notes") / "a.txt")  # type: ignore[arg-type]
        rb.log_dict({"a": 1}, Path("c.json"))  # type: ignore[arg-type]
        rb.log_artifact(own_store / "weights.bin", Path("deep") / "er")  # type: ignore[arg-type]
        for wrong in (5, None, b"x"):
            with pytest.raises(InvalidParameterValue, match="'artifact_file' must be a path"):
                rb.log_text("x", wrong)  # type: ignore[arg-type]

    client = rb.Client()
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["c.json", "deep", "notes"]
    assert [file.path for file in client.list_artifacts(run.info.run_id, Path("deep/er"))] == ["deep/er/weights.bin"]  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [b"bytes", 5, None, {"a": 1}, "\ud800"])
def test_what_is_no_text_is_not_logged_as_one(text: Any) -> None:
    with rb.start_run(), pytest.raises(InvalidParameterValue, match="text"):
        rb.log_text(text, "a.txt")


@pytest.mark.parametrize(
    ("content", "name"), [({"a": object()}, "a.yaml"), ({(1, 2): 3}, "a.json"), ({(1, 2): object()}, "a.yml")]
)
def test_a_dict_that_a_format_cannot_hold_is_refused_by_the_files_name(content: Any, name: str) -> None:
    with rb.start_run() as run, pytest.raises(InvalidParameterValue, match=name):
        rb.log_dict(content, name)

    assert rb.Client().list_artifacts(run.info.run_id) == []


def test_a_file_that_is_no_json_is_no_dict() -> None:
    with rb.start_run() as run:
        rb.log_text("<p>", "a.html")

    with pytest.raises(InvalidParameterValue, match=r"a\.html' is no JSON"):
        rb.artifacts.load_dict(f"runs:/{run.info.run_id}/a.html")
