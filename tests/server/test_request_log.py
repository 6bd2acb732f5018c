from __future__ import annotations

import json
import logging
import re

import pytest

from runebook.server.request_log import JsonLines, KeyValueLines

from .running import RunningServer


@pytest.mark.parametrize("sent", ["abc-123", "A.b_C", "x" * 128])
def test_a_sane_request_id_is_taken_over(server: RunningServer, sent: str) -> None:
    assert server.request("GET", "/health", headers={"X-Request-Id": sent}).headers.get_all("X-Request-Id") == [sent]
    assert server.wait_for_log(f"request_id={sent} ")


@pytest.mark.parametrize("sent", ["", "x" * 129, "a b", "a=b", 'a"b', "a;b", "<x>"])
def test_any_other_request_id_is_replaced(server: RunningServer, sent: str) -> None:
    made = server.request("GET", "/health", headers={"X-Request-Id": sent}).headers["X-Request-Id"]

    assert re.fullmatch(r"[0-9a-f]{32}", made)


def test_each_request_is_one_line_with_its_outcome(server: RunningServer) -> None:
    server.request("GET", "/nope/%0Ainjected?level=ERROR", headers={"X-Request-Id": "one-line"})

    assert re.fullmatch(
        r"time=\S+Z level=INFO event=request request_id=one-line method=GET path=/nope/%0Ainjected"
        r" status=404 duration_ms=[\d.]+ bytes=\d+ client=127\.0\.0\.1",
        server.wait_for_log("one-line"),
    )


def _record(message: str, **fields: object) -> logging.LogRecord:
    record = logging.LogRecord("runebook", logging.WARNING, "f.py", 1, message, None, None)
    record.fields = fields
    return record


def test_a_value_cannot_forge_a_field_or_a_line() -> None:
    line = KeyValueLines().format(_record("two words", path="/a b\nlevel=ERROR", plain="x/y:1"))

    assert "\n" not in line
    assert 'event="two words"' in line
    assert r'path="/a b\nlevel=ERROR"' in line
    assert "plain=x/y:1" in line


def test_json_lines_hold_the_same_fields() -> None:
    line = json.loads(JsonLines().format(_record("request", status=200)))

    assert (line["event"], line["level"], line["status"]) == ("request", "WARNING", 200)


def test_a_traceback_stays_in_one_line() -> None:
    try:
        raise ValueError("bad")
    except ValueError as error:
        record = _record("failed")
        record.exc_info = (ValueError, error, error.__traceback__)

    line = KeyValueLines().format(record)

    assert "\n" not in line
    assert "ValueError: bad" in line


def test_a_server_may_log_json(tmp_path_factory: pytest.TempPathFactory) -> None:
    with RunningServer(tmp_path_factory.mktemp("json"), log_format="json") as server:
        server.request("GET", "/health")
        server.stop()

        assert json.loads(server.log.splitlines()[0])["path"] == "/health"
