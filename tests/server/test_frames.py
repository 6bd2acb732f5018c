"""Frames over HTTP: as JSON, as MessagePack, packed; whatever is wrong with them is said, and adds nothing."""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import psutil
import pytest

from runebook.api import codec, compression
from runebook.api.frames import LogFrame, RunPart, SeriesPart
from runebook.core.columns import Columns
from runebook.core.ids import RunId
from runebook.core.metrics import Point

from .running import Answer, RunningServer

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PATH = "/api/runebook/v1/frames/log"
BINARY = {"Content-Type": "application/msgpack"}
PACKED = {**BINARY, "Content-Encoding": "zstd"}

_writers = iter(range(1, 1000))


def new_writer() -> str:
    return f"writer-{next(_writers)}"


def frame(run_id: str, writer: str, first: int = 1, last: int = 3, key: str = "loss") -> LogFrame:
    points = [Point(number, 1000 + number, number / 8) for number in range(first, last + 1)]
    steps, times, values = Columns.of(points).to_bytes()
    series = [SeriesPart(key=key, steps=steps, times=times, values=values)]
    return LogFrame(writer=writer, first=first, last=last, runs=[RunPart(run_id=RunId(run_id), series=series)])


def send(server: RunningServer, body: bytes, headers: dict[str, str]) -> Answer:
    return server.request("POST", PATH, body, headers)


def points(server: RunningServer, run_id: str, key: str) -> list[tuple[int, int, float]]:
    query = urlencode({"run_id": run_id, "metric_key": key})
    answer = server.request("GET", f"/api/2.0/mlflow/metrics/get-history?{query}")
    return [(one["step"], one["timestamp"], one["value"]) for one in answer.json.get("metrics", [])]


@pytest.mark.parametrize("form", ["json", "packed json", "binary", "packed"])
def test_a_frame_may_be_sent_in_four_forms(server: RunningServer, run_id: str, form: str) -> None:
    key = f"form {form}"
    sent = frame(run_id, new_writer(), key=key)
    body = codec.encode_request(sent) if "json" in form else codec.encode_binary_request(sent)
    headers = {"Content-Type": "application/json" if "json" in form else "application/msgpack"}
    if "packed" in form:
        headers["Content-Encoding"] = "zstd"
        body = compression.compress(body)

    answer = send(server, body, headers)

    assert (answer.status, answer.json) == (200, {"acknowledged": 3})
    assert answer.headers["Content-Type"] == "application/json"
    assert points(server, run_id, key) == [(1, 1001, 0.125), (2, 1002, 0.25), (3, 1003, 0.375)]


def test_values_that_are_not_finite_arrive(server: RunningServer, run_id: str) -> None:
    values = [float("nan"), float("inf"), float("-inf"), -0.0, 5e-324]
    columns = Columns.of([Point(step, step, value) for step, value in enumerate(values)]).to_bytes()
    part = SeriesPart(key="strange", steps=columns[0], times=columns[1], values=columns[2])
    sent = LogFrame(writer=new_writer(), first=1, last=5, runs=[RunPart(run_id=RunId(run_id), series=[part])])

    assert send(server, codec.encode_binary_request(sent), BINARY).status == 200
    assert [value for *_, value in points(server, run_id, "strange")] == ["NaN", "Infinity", "-Infinity", -0.0, 5e-324]


def test_a_frame_sent_twice_at_once_from_two_connections_is_added_once(server: RunningServer, run_id: str) -> None:
    writer = new_writer()
    for number in range(20):
        body = codec.encode_binary_request(frame(run_id, writer, number * 3 + 1, number * 3 + 3, key="twice"))
        with ThreadPoolExecutor(2) as both:
            answers = list(both.map(lambda sent: send(server, sent, BINARY), [body, body]))
        assert [(answer.status, answer.json) for answer in answers] == [(200, {"acknowledged": number * 3 + 3})] * 2

    assert [step for step, *_ in points(server, run_id, "twice")] == list(range(1, 61))
    run = server.request("GET", f"/api/2.0/mlflow/runs/get?run_id={run_id}").json["run"]
    assert {metric["key"]: metric["step"] for metric in run["data"]["metrics"]}["twice"] == 60


def _raw(**fields: Any) -> bytes:
    return msgspec.msgpack.encode({"writer": "hostile", "first": 1, "last": 1, **fields})


def _series(**fields: Any) -> bytes:
    right = {"key": "k", "steps": b"\1" + bytes(7), "times": bytes(8), "values": bytes(8)}
    return _raw(runs=[{"run_id": "r" * 32, "series": [right | fields]}])


HOSTILE = {
    "empty": (b"", "MessagePack"),
    "no map": (msgspec.msgpack.encode([1]), "map"),
    "a text": (msgspec.msgpack.encode("x"), "map"),
    "no opcode": (b"\xc1", "byte 0"),
    "cut": (_raw()[:-1], "truncated"),
    "trailing": (_raw() + b"\0", "trailing"),
    "a map said to be endless": (b"\xdf\xff\xff\xff\xff", "truncated"),
    "an array said to be endless": (b"\x81\xa4runs\xdd\xff\xff\xff\xff", "truncated"),
    "a text said to be endless": (b"\x81\xa6writer\xdb\xff\xff\xff\xff", "truncated"),
    "deep": (b"\x81\xa4runs" + b"\x91" * 100_000, "deep"),
    "keys that are maps": (b"\x81\x81\x01\x02\x03", "MessagePack"),
    "keys that are numbers": (b"\x81\x01\x02", "map"),
    "text that is no UTF-8": (b"\x81\xa6writer\xa2\xff\xfe", "MessagePack"),
    "an extension": (b"\x81\xa6writer\xd4\x01\x02", "writer"),
    "a timestamp": (b"\x81\xa6writer\xd6\xff\0\0\0\0", "writer"),
    "no writer": (msgspec.msgpack.encode({"first": 1, "last": 1}), "'writer'"),
    "an empty writer": (_raw(writer=""), "'writer'"),
    "a long writer": (_raw(writer="w" * 1000), "'writer'"),
    "a writer with NUL": (_raw(writer="a\0b"), "'writer'"),
    "first of 0": (_raw(first=0), "'first'"),
    "first behind last": (_raw(first=9), "'last'"),
    "a large number": (_raw(last=2**64 - 1), "'last'"),
    "a number as a double": (_raw(last=1.5), "'last'"),
    "columns that are texts of no base64": (_series(steps="§§§"), "steps"),
    "columns of a part of a number": (_series(steps=bytes(7), times=bytes(7), values=bytes(7)), "8 bytes"),
    "columns of two lengths": (_series(steps=bytes(16)), "one length"),
    "a column that is a list": (_series(values=[0.5]), "values"),
    "a time before the epoch": (_series(times=b"\xff" * 8), "times"),
    "a key that climbs": (_series(key="../x"), "series[0].key"),
    "a key with NUL": (_series(key="a\0"), "series[0].key"),
    "a run id that climbs": (_raw(runs=[{"run_id": "../../x"}]), "run_id"),
    "a run twice wrong": (_raw(runs=[{"run_id": "r"}, {"run_id": "/"}]), "runs[1]"),
    "a lease without end": (_raw(runs=[{"run_id": "r", "lease_ms": 2**62}]), "lease_ms"),
    "no status": (_raw(runs=[{"run_id": "r", "status": "DANCING"}]), "status"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("packed", [False, True])
def test_a_hostile_body_is_refused_with_what_is_wrong_and_changes_nothing(
    server: RunningServer, name: str, packed: bool
) -> None:
    body, told = HOSTILE[name]
    before = server.dump()

    answer = send(server, compression.compress(body), PACKED) if packed else send(server, body, BINARY)

    assert (answer.status, answer.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert told in answer.json["message"]
    assert server.dump() == before


@pytest.mark.parametrize(
    "body",
    [b"", b"x", b"\x28\xb5\x2f\xfd", compression.compress(_raw())[:-1], compression.compress(_raw()) * 2],
    ids=["empty", "no zstd", "a head", "cut", "two frames"],
)
def test_a_body_that_cannot_be_unpacked_is_refused(server: RunningServer, body: bytes) -> None:
    answer = send(server, body, PACKED)

    assert (answer.status, answer.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert "zstd" in answer.json["message"]


def _stream(size: int) -> bytes:
    """Zeros packed by one who does not tell how many."""
    compressor = zstd.ZstdCompressor()
    return compressor.compress(bytes(size)) + compressor.flush()


@pytest.mark.parametrize("bomb", [compression.compress(bytes(1 << 30)), _stream(1 << 30)], ids=["told", "not told"])
def test_a_bomb_is_refused_in_bounded_memory(server: RunningServer, bomb: bytes) -> None:
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss

    answers = [send(server, bomb, PACKED) for _ in range(8)]

    assert [(answer.status, answer.error_code) for answer in answers] == [(413, "REQUEST_TOO_LARGE")] * 8
    assert "unpacked" in answers[0].json["message"]
    assert process.memory_info().rss - before < 128 * 1024 * 1024


def test_a_body_larger_than_the_limit_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with RunningServer(tmp_path, max_body_bytes=2000) as small:
        noise = os.urandom(5000)
        assert send(small, noise, PACKED).status == 413
        assert send(small, compression.compress(bytes(1999)), PACKED).status == 400
        assert send(small, compression.compress(bytes(2001)), PACKED).status == 413


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd, gzip"])
def test_other_encodings_are_refused(server: RunningServer, encoding: str) -> None:
    answer = send(server, _raw(), {**BINARY, "Content-Encoding": encoding})

    assert (answer.status, answer.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert "Content-Encoding must be one of ['identity', 'zstd']" in answer.json["message"]


def test_operations_without_binary_bodies_take_none(server: RunningServer, run_id: str) -> None:
    path = "/api/2.0/mlflow/runs/log-metric"
    fields = {"run_id": run_id, "key": "k", "value": 0.5, "timestamp": 1}

    binary = server.request("POST", path, msgspec.msgpack.encode(fields), BINARY)
    packed = compression.compress(json.dumps(fields).encode())
    zipped = server.request("POST", path, packed, {"Content-Type": "application/json", "Content-Encoding": "zstd"})

    assert (binary.status, zipped.status) == (400, 400)
    assert "Content-Type must be one of ['application/json']" in binary.json["message"]
    assert "Content-Encoding must be one of ['identity']" in zipped.json["message"]


def test_the_server_says_that_it_takes_frames(server: RunningServer) -> None:
    assert server.request("GET", "/api/3.0/mlflow/server-info").json["log_frame_supported"] is True
