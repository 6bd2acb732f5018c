from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from .running import RunningServer

BASE = "/api/2.0/mlflow-artifacts/artifacts"
UPLOAD = "/ajax-api/2.0/mlflow/upload-artifact"


@pytest.mark.parametrize("prefix", ["/api", "/ajax-api"])
def test_a_file_goes_up_and_comes_down(server: RunningServer, prefix: str) -> None:
    path = f"{prefix}/2.0/mlflow-artifacts/artifacts/0/r/artifacts/a.bin"
    content = os.urandom(1_000_003)

    put = server.request("PUT", path, content)
    got = server.request("GET", path)

    assert (put.status, put.body) == (200, b"")
    assert (got.status, got.body) == (200, content)
    assert got.headers["Content-Length"] == str(len(content))
    assert got.headers["Accept-Ranges"] == "bytes"
    assert (server.artifacts / "0/r/artifacts/a.bin").read_bytes() == content


def test_an_upload_replaces_a_file_and_may_be_chunked_or_empty(server: RunningServer) -> None:
    server.request("PUT", f"{BASE}/replaced", b"old")
    server.request("PUT", f"{BASE}/replaced", iter([b"ne", b"", b"w"]))
    assert server.request("GET", f"{BASE}/replaced").body == b"new"

    server.request("PUT", f"{BASE}/replaced", b"")
    assert (server.request("GET", f"{BASE}/replaced").body, server.artifacts.joinpath("replaced").stat().st_size) == (
        b"",
        0,
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.json", "text/plain; charset=utf-8"),
        ("a.yaml", "text/plain; charset=utf-8"),
        ("a.js", "text/plain; charset=utf-8"),
        ("MLmodel", "text/plain; charset=utf-8"),
        ("a.html", "text/html; charset=utf-8"),
        ("a.png", "image/png"),
        ("a.svg", "image/svg+xml"),
        ("a.pkl", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_a_file_is_an_attachment_of_its_kind(server: RunningServer, name: str, kind: str) -> None:
    server.request("PUT", f"{BASE}/kinds/{name}", b"<script>alert(1)</script>")

    headers = server.request("GET", f"{BASE}/kinds/{name}").headers

    assert headers["Content-Type"] == kind
    assert headers["Content-Disposition"] == f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"
    assert headers.get_all("X-Content-Type-Options") == ["nosniff"]


def test_a_name_with_any_letters_is_spelled_for_old_and_new_browsers(server: RunningServer) -> None:
    path = f"{BASE}/%E6%97%A5%22%3B%20x%3D1.txt"
    server.request("PUT", path, b"x")

    header = server.request("GET", path).headers["Content-Disposition"]

    assert header == "attachment; filename=\"__; x=1.txt\"; filename*=UTF-8''%E6%97%A5%22%3B%20x%3D1.txt"
    assert (server.artifacts / '日"; x=1.txt').is_file()


def test_a_range_is_a_part_and_says_of_what(server: RunningServer) -> None:
    server.request("PUT", f"{BASE}/ranged", b"0123456789")

    part = server.request("GET", f"{BASE}/ranged", headers={"Range": "bytes=2-4"})
    tail = server.request("GET", f"{BASE}/ranged", headers={"Range": "bytes=-3"})
    beyond = server.request("GET", f"{BASE}/ranged", headers={"Range": "bytes=10-"})

    assert (part.status, part.body, part.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    assert (tail.status, tail.body, tail.headers["Content-Range"]) == (206, b"789", "bytes 7-9/10")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, "bytes */10")


def test_a_download_is_resumed_only_on_the_same_version(server: RunningServer) -> None:
    server.request("PUT", f"{BASE}/versioned", b"0123456789")
    etag = server.request("GET", f"{BASE}/versioned").headers["ETag"]
    resume = {"Range": "bytes=5-", "If-Range": etag}

    assert server.request("GET", f"{BASE}/versioned", headers=resume).body == b"56789"
    assert server.request("GET", f"{BASE}/versioned", headers={"If-None-Match": etag}).status == 304
    server.request("PUT", f"{BASE}/versioned", b"abcdefghij")
    again = server.request("GET", f"{BASE}/versioned", headers=resume)
    assert (again.status, again.body) == (200, b"abcdefghij")
    assert again.headers["ETag"] != etag


def test_head_tells_all_but_the_bytes(server: RunningServer) -> None:
    server.request("PUT", f"{BASE}/headed.txt", b"0123456789")

    head = server.request("HEAD", f"{BASE}/headed.txt")
    part = server.request("HEAD", f"{BASE}/headed.txt", headers={"Range": "bytes=0-3"})

    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "10")
    assert (part.status, part.headers["Content-Length"]) == (206, "4")
    assert server.request("HEAD", f"{BASE}/not-there").status == 404


def test_a_folder_is_no_file_and_nothing_is_not_found(server: RunningServer) -> None:
    server.request("PUT", f"{BASE}/folder/f", b"x")

    folder = server.request("GET", f"{BASE}/folder")
    missing = server.request("GET", f"{BASE}/folder/g")

    assert (folder.status, folder.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert "directory" in folder.json["message"]
    assert (missing.status, missing.json["message"]) == (404, "No such artifact: 'folder/g'")
    for path in ("folder", "folder/f/below", "folder/", ""):
        assert server.request("PUT", f"{BASE}/{path}", b"x").status == 400


def test_deleting_always_succeeds_below_the_root(server: RunningServer) -> None:
    server.request("PUT", f"{BASE}/gone/deeper/f", b"x")

    for path in ("gone/deeper/f", "gone/deeper/f", "gone", "never"):
        answer = server.request("DELETE", f"{BASE}/{path}")
        assert (answer.status, answer.json) == (200, {})
    assert not (server.artifacts / "gone").exists()
    for root in ("", ".", "/"):
        assert server.request("DELETE", f"{BASE}/{root}").status in {400, 404, 405}
    assert server.artifacts.is_dir()


ATTACKS = [
    b"../secret",
    b"a/../../secret",
    b"%2e%2e/secret",
    b"%2e%2e%2fsecret",
    b"%252e%252e%252fsecret",
    b"%25252e%25252e/secret",
    b"..%5csecret",
    b"..\\secret",
    b"/etc/passwd",
    b"%2fetc/passwd",
    b"//etc/passwd",
    b"C:/windows",
    b"c:%5cwindows",
    b"file:///etc/passwd",
    b"a%00b",
    b"a%2500",
    b"..;/secret",
    b"%23",
    b"%5c%5chost%5cshare",
    b".runebook-unfinished-x",
    b"x" * 300,
    b"a/" * 2000 + b"b",
]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_a_path_cannot_leave_the_destination(server: RunningServer, method: str, attack: bytes) -> None:
    secret = server.folder / "secret"
    secret.write_text("s")
    before = server.stored_files()

    answer = server.raw_request(method, BASE.encode() + b"/" + attack, b"x" if method == "PUT" else b"")

    assert answer.status == 400, answer
    if method != "HEAD":
        assert "Invalid path" in answer.json["message"]
    assert secret.read_text() == "s"
    assert server.stored_files() == before


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if b"#" not in attack])
def test_a_path_in_a_query_cannot_leave_its_run(server: RunningServer, run_id: str, attack: bytes) -> None:
    for path in (
        f"/get-artifact?run_id={run_id}&path=".encode(),
        f"/api/2.0/mlflow/artifacts/list?run_id={run_id}&path=".encode(),
        b"/api/2.0/mlflow-artifacts/artifacts?path=",
    ):
        answer = server.raw_request("GET", path + attack)
        assert (answer.status, "Invalid path" in answer.json["message"]) == (400, True), answer
    answer = server.raw_request("POST", f"{UPLOAD}?run_id={run_id}&path=".encode() + attack, b"x")
    assert answer.status == 400


def test_a_run_reads_no_other_runs_files(server: RunningServer, run_id: str) -> None:
    server.request("PUT", f"{BASE}/0/other/artifacts/secret", b"s")

    answer = server.request("GET", f"/get-artifact?run_id={run_id}&path=../../other/artifacts/secret")

    assert answer.status == 400


def test_an_upload_that_breaks_off_leaves_nothing(server: RunningServer) -> None:
    server.request("PUT", f"{BASE}/kept/whole", b"before")
    before = server.stored_files()
    for path in ("kept/whole", "new/folder/f"):
        for framing, sent in (
            ("Content-Length: 1000000", b"x" * 300_000),
            ("Transfer-Encoding: chunked", b"493e0\r\n" + b"x" * 300_000 + b"\r\n"),
        ):
            name = f"cut-{path.replace('/', '-')}-{framing[:7]}"
            head = f"PUT {BASE}/{path} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: {name}\r\n{framing}\r\n\r\n"
            with socket.create_connection((server.host, server.port)) as wire:
                wire.sendall(head.encode() + sent)
                time.sleep(0.05)
            server.wait_for_log(name)

    assert server.stored_files() == before
    assert server.request("GET", f"{BASE}/kept/whole").body == b"before"


def test_a_client_that_leaves_a_download_frees_its_file(server: RunningServer) -> None:
    server.request("PUT", f"{BASE}/large", os.urandom(1) * 30_000_000)
    for _ in range(3):
        with socket.create_connection((server.host, server.port)) as wire:
            wire.sendall(f"GET {BASE}/large HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            wire.recv(1000)

    process = psutil.Process(server.process.pid)
    deadline = time.monotonic() + 10
    while any(opened.path.endswith("large") for opened in process.open_files()):
        assert time.monotonic() < deadline, "the file is still open"
        time.sleep(0.02)


def test_large_files_stream_in_bounded_memory(server: RunningServer) -> None:
    process = psutil.Process(server.process.pid)
    piece = os.urandom(1_000_000)
    peak = before = process.memory_info().rss
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.005):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        server.request("PUT", f"{BASE}/huge", (piece for _ in range(150)))
        connection = server.connect()
        connection.request("GET", f"{BASE}/huge")
        response = connection.getresponse()
        size = sum(map(len, iter(lambda: response.read(1_000_000), b"")))
        connection.close()
    finally:
        done.set()
        watcher.join()

    assert size == 150_000_000
    assert peak - before < 40_000_000
    server.request("DELETE", f"{BASE}/huge")


def test_a_run_takes_and_gives_small_files(server: RunningServer, run_id: str) -> None:
    for name in ("run_id", "run_uuid"):
        put = server.request("POST", f"{UPLOAD}?{name}={run_id}&path=ui/a%20b.txt", name.encode())
        got = server.request("GET", f"/get-artifact?{name}={run_id}&path=ui/a%20b.txt")
        assert (put.status, put.body, got.body) == (200, b"", name.encode())

    listed = server.request("GET", f"/api/2.0/mlflow/artifacts/list?run_id={run_id}&path=ui").json
    assert listed["files"] == [{"path": "ui/a b.txt", "is_dir": False, "file_size": 8}]
    assert server.request("GET", f"{BASE}/0/{run_id}/artifacts/ui/a%20b.txt").body == b"run_uuid"


@pytest.mark.parametrize("size", [10 * 1024 * 1024, 10 * 1024 * 1024 + 1])
def test_the_ui_uploads_at_most_ten_megabytes(server: RunningServer, run_id: str, size: int) -> None:
    answer = server.request("POST", f"{UPLOAD}?run_id={run_id}&path=big{size}", b"x" * size)

    assert answer.status == (200 if size == 10 * 1024 * 1024 else 413)


def test_what_is_missing_in_a_query_is_named(server: RunningServer, run_id: str) -> None:
    for method, path, missing in (
        ("GET", "/get-artifact?path=a", "run_id"),
        ("GET", f"/get-artifact?run_id={run_id}", "path"),
        ("GET", f"/get-artifact?run_id={run_id}&path=", "path"),
        ("POST", f"{UPLOAD}?path=a", "run_id"),
        ("POST", f"{UPLOAD}?run_id={run_id}", "path"),
        ("GET", "/ajax-api/2.0/mlflow/logged-models/m-1/artifacts/files", "artifact_file_path"),
    ):
        answer = server.request(method, path, b"" if method == "POST" else None)
        assert (answer.status, f"'{missing}'" in answer.json["message"]) == (400, True)


def test_an_unknown_run_or_model_is_not_found(server: RunningServer) -> None:
    for path in (
        f"/get-artifact?run_id={'0' * 32}&path=a",
        "/ajax-api/2.0/mlflow/logged-models/m-none/artifacts/files?artifact_file_path=a",
    ):
        assert server.request("GET", path).status == 404
    assert server.request("POST", f"{UPLOAD}?run_id={'0' * 32}&path=a", b"x").status == 404


def test_a_logged_models_file_is_given(server: RunningServer) -> None:
    base = "/2.0/mlflow/logged-models"
    model = server.post(f"/api{base}", {"experiment_id": "0"}).json["model"]["info"]["model_id"]
    server.request("PUT", f"{BASE}/0/models/{model}/artifacts/MLmodel", b"flavors: {}")

    assert server.request("GET", f"/ajax-api{base}/{model}/artifacts/files?artifact_file_path=MLmodel").body == (
        b"flavors: {}"
    )
    listed = server.request("GET", f"/api{base}/{model}/artifacts/directories").json
    assert listed["files"] == [{"path": "MLmodel", "is_dir": False, "file_size": 11}]


def test_a_run_kept_elsewhere_is_not_read_by_the_server(server: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    created = server.post(
        "/api/2.0/mlflow/experiments/create", {"name": f"elsewhere {tmp_path}", "artifact_location": str(tmp_path)}
    )
    run = server.post("/api/2.0/mlflow/runs/create", {"experiment_id": created.json["experiment_id"], "start_time": 1})
    run_id = run.json["run"]["info"]["run_id"]

    for path in (f"/get-artifact?run_id={run_id}&path=a", f"/api/2.0/mlflow/artifacts/list?run_id={run_id}"):
        answer = server.request("GET", path)
        assert (answer.status, "not below its own artifact root" in answer.json["message"]) == (400, True)


@pytest.fixture(scope="module")
def unserving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("unserving"), serve_artifacts=False) as running:
        yield running


def test_a_server_that_serves_no_artifacts_says_so(unserving: RunningServer) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = unserving.request(method, f"{BASE}/a", b"x" if method == "PUT" else None)
        assert (answer.status, answer.error_code) == (503, "TEMPORARILY_UNAVAILABLE")
    assert unserving.request("GET", f"{BASE}?path=a").status == 503
    info = unserving.request("GET", "/api/3.0/mlflow/server-info").json
    assert info["artifact_serving_enabled"] is False
    assert not unserving.artifacts.exists()


def test_without_serving_runs_live_in_a_local_folder(unserving: RunningServer) -> None:
    run = unserving.post("/api/2.0/mlflow/runs/create", {"experiment_id": "0", "start_time": 1}).json["run"]["info"]
    folder = Path(run["artifact_uri"])

    assert folder.is_relative_to(unserving.folder / "mlruns")
    folder.mkdir(parents=True)
    (folder / "f").write_text("x")
    assert unserving.request("GET", f"/get-artifact?run_id={run['run_id']}&path=f").body == b"x"


@pytest.mark.parametrize(
    ("step", "fields"),
    [
        ("create", {"num_parts": 2}),
        ("complete", {"upload_id": "u", "parts": [{"part_number": 1, "etag": "e"}]}),
        ("abort", {"upload_id": "u"}),
    ],
)
def test_parts_are_refused_in_the_words_after_which_mlflow_sends_the_file_whole(
    server: RunningServer, step: str, fields: dict[str, object]
) -> None:
    answer = server.post(f"/api/2.0/mlflow-artifacts/mpu/{step}/0/run", {"path": "big.bin", **fields})

    assert (answer.status, answer.error_code) == (400, "NOT_IMPLEMENTED")
    assert answer.json["message"].startswith("Multipart upload is not supported for the current artifact repository")
