"""docs/reference/frames.md is what a client in another language is written by: its examples are sent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .running import RunningServer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "frames.md"
RUN_ID = "0199f8d2c0de70008000000000000001"


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def test_the_examples_of_the_page_do_what_it_says(server: RunningServer, capsys: pytest.CaptureFixture[str]) -> None:
    exec(block("python"), {"SERVER": f"http://{server.host}:{server.port}"})
    lines = [line.split('  "')[0] for line in block("text").splitlines()]
    hexadecimal = "".join(re.findall(r"\b[0-9a-f]{2}\b", " ".join(line.split(" map of")[0] for line in lines)))
    answer = server.request(
        "POST",
        "/api/runebook/v1/frames/log",
        bytes.fromhex(hexadecimal),
        {"Content-Type": "application/msgpack"},
    )

    assert capsys.readouterr().out == "{'acknowledged': 4}\n{'acknowledged': 4}\n"
    assert (answer.status, answer.json) == (200, {"acknowledged": 1})
    run = server.request("GET", f"/api/2.0/mlflow/runs/get?run_id={RUN_ID}").json["run"]
    assert (run["info"]["run_name"], run["info"]["status"]) == ("by hand", "FINISHED")
    assert run["data"]["params"] == [{"key": "lr", "value": "0.1"}]
    path = f"/api/2.0/mlflow/metrics/get-history?run_id={RUN_ID}&metric_key=loss"
    points = server.request("GET", path).json["metrics"]
    assert [(point["step"], point["timestamp"], point["value"]) for point in points] == [
        (7, 1000, 0.5),
        (0, 1700000000000, 0.9),
        (1, 1700000000250, 0.5),
        (2, 1700000000500, "NaN"),
    ]
