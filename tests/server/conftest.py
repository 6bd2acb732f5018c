from __future__ import annotations

from collections.abc import Iterator

import pytest

from .running import RunningServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def run_id(server: RunningServer) -> str:
    answer = server.post("/api/2.0/mlflow/runs/create", {"experiment_id": "0", "start_time": 1})
    assert answer.status == 200, answer.body
    found: str = answer.json["run"]["info"]["run_id"]
    return found
