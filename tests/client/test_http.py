"""What the client does when the network or the server fails."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.flaky_server import DROP, FlakyServer, flaky_server

import runebook as rb
from runebook.core.errors import (
    AlreadyExists,
    InternalError,
    InvalidState,
    NotFound,
    PermissionDenied,
    TemporarilyUnavailable,
    Unauthenticated,
)

RUN_ID = "0" * 32
EXPERIMENT = {"experiment": {"experiment_id": "1", "name": "e", "artifact_location": "x", "lifecycle_stage": "active"}}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FlakyServer]:
    monkeypatch.setenv("RUNEBOOK_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("RUNEBOOK_HTTP_REQUEST_BACKOFF_JITTER", "0.01")
    with flaky_server() as running:
        yield running


def write(client: rb.Client) -> None:
    """Something that is sent at once; what runs log is not."""
    client.set_experiment_tag("1", "k", "v")


@pytest.mark.parametrize("failure", [408, 429, 500, 502, 503, 504, DROP])
def test_a_read_is_asked_again_until_it_is_answered(server: FlakyServer, failure: int) -> None:
    server.then(failure).then(failure).then(200, EXPERIMENT)

    assert rb.Client(server.uri).get_experiment("1").name == "e"
    assert len(server.seen) == 3


@pytest.mark.parametrize("failure", [408, 429, 500, 503, DROP])
def test_a_write_that_may_be_done_twice_is_sent_again(server: FlakyServer, failure: int) -> None:
    server.then(failure)

    rb.Client(server.uri).set_experiment_tag("1", "team", "blue")

    assert [seen.json for seen in server.seen] == [{"experiment_id": "1", "key": "team", "value": "blue"}] * 2


def test_a_retry_after_is_waited_for(server: FlakyServer) -> None:
    server.then(429, Retry_After="1").then(200, EXPERIMENT)
    started = time.monotonic()

    rb.Client(server.uri).get_experiment("1")

    assert 1.0 <= time.monotonic() - started < 5.0


def test_a_client_gives_up_after_its_retries_and_says_why(server: FlakyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    for _ in range(5):
        server.then(503, b"upstream is away")

    with pytest.raises(TemporarilyUnavailable, match="503: upstream is away"):
        rb.Client(server.uri).get_experiment("1")
    assert len(server.seen) == 3


@pytest.mark.parametrize("failure", [500, 503, DROP])
def test_a_create_is_sent_again_to_runebook_with_the_same_key(server: FlakyServer, failure: int) -> None:
    server.then(failure).then(200, {"experiment_id": "5"})

    assert rb.Client(server.uri).create_experiment("e") == "5"
    keys = [seen.json["idempotency_key"] for seen in server.seen]
    assert len(keys) == 2
    assert keys[0] == keys[1] != ""


@pytest.mark.parametrize("failure", [500, 503, DROP])
def test_a_create_is_not_sent_again_to_mlflow_when_it_may_have_been_done(server: FlakyServer, failure: int) -> None:
    server.info = None
    server.then(failure).then(200, {"experiment_id": "5"})

    with pytest.raises(rb.RunebookError):
        rb.Client(server.uri).create_experiment("e")
    assert len(server.seen) == 1
    assert "idempotency_key" not in server.seen[0].json


def test_a_create_that_mlflow_refused_for_now_is_sent_again(server: FlakyServer) -> None:
    server.info = None
    server.then(429).then(200, {"experiment_id": "5"})

    assert rb.Client(server.uri).create_experiment("e") == "5"


def test_a_deletion_that_may_have_been_done_is_not_repeated(server: FlakyServer) -> None:
    server.then(DROP)

    with pytest.raises(TemporarilyUnavailable):
        rb.Client(server.uri).delete_tag(RUN_ID, "t")
    assert len(server.seen) == 1


def test_a_server_that_is_not_there_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was sent, so even what must not be repeated is tried again."""
    monkeypatch.setenv("RUNEBOOK_HTTP_REQUEST_BACKOFF_FACTOR", "0.2")
    monkeypatch.setenv("RUNEBOOK_HTTP_REQUEST_BACKOFF_JITTER", "0")
    answered = threading.Event()
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{held.getsockname()[1]}"
        client = rb.Client(uri)

        def delete() -> None:
            client.delete_tag(RUN_ID, "t")
            answered.set()

        thread = threading.Thread(target=delete)
        thread.start()
        time.sleep(0.3)

        held.listen()
        wire, _ = held.accept()
        with wire:
            wire.recv(65536)
            wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        thread.join(30)
    assert answered.is_set()


def test_the_message_of_an_unreachable_server_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNEBOOK_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]

    with pytest.raises(TemporarilyUnavailable, match=f"http://127.0.0.1:{port} cannot be reached"):
        rb.Client(f"http://127.0.0.1:{port}").get_experiment("1")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "RESOURCE_ALREADY_EXISTS", AlreadyExists),
        (404, "RESOURCE_DOES_NOT_EXIST", NotFound),
        (403, "PERMISSION_DENIED", PermissionDenied),
        (500, "INVALID_STATE", InvalidState),
    ],
)
def test_an_error_that_names_its_code_is_raised_as_that_at_once(
    server: FlakyServer, status: int, code: str, kind: type[rb.RunebookError]
) -> None:
    server.then(status, {"error_code": code, "message": "No, because."})

    with pytest.raises(kind, match=r"No, because\.") as raised:
        rb.Client(server.uri).rename_experiment("1", "n")
    assert (raised.value.error_code, len(server.seen)) == (code, 1)


def test_a_code_that_is_not_ours_keeps_its_name(server: FlakyServer) -> None:
    server.then(400, {"error_code": "QUOTA_EXCEEDED", "message": "m"})

    with pytest.raises(rb.RunebookError) as raised:
        rb.Client(server.uri).get_experiment("1")
    assert raised.value.error_code == "QUOTA_EXCEEDED"


@pytest.mark.parametrize(("status", "kind"), [(401, Unauthenticated), (403, PermissionDenied), (404, NotFound)])
def test_an_error_without_a_code_goes_by_its_status(
    server: FlakyServer, status: int, kind: type[rb.RunebookError]
) -> None:
    server.then(status, b"<html>no</html>")

    with pytest.raises(kind, match=f"{status}: <html>no</html>"):
        rb.Client(server.uri).get_experiment("1")


def test_a_page_that_is_no_reply_is_said_to_be_none(server: FlakyServer) -> None:
    server.then(200, b"<html>welcome</html>")

    with pytest.raises(InternalError, match="Is it the address of a tracking server"):
        rb.Client(server.uri).get_experiment("1")


def test_connections_are_kept_alive(server: FlakyServer) -> None:
    client = rb.Client(server.uri)
    for _ in range(5):
        write(client)

    assert (len(server.seen), server.connections) == (5, 1)


def test_values_that_are_not_finite_travel_to_mlflow_as_words(server: FlakyServer) -> None:
    server.info = None
    server.runs[RUN_ID] = {"params": []}
    client = rb.Client(server.uri)
    for value in (float("nan"), float("inf"), float("-inf")):
        client.log_metric(RUN_ID, "m", value)
    client.flush()

    (batch,) = server.seen_at("log-batch")
    assert [metric["value"] for metric in batch.json["metrics"]] == ["NaN", "Infinity", "-Infinity"]


def test_a_redirect_is_followed_with_its_body(server: FlakyServer) -> None:
    server.then(308, Location=f"{server.uri}/moved").then(200)

    write(rb.Client(server.uri))

    assert [(seen.verb, seen.json["key"]) for seen in server.seen] == [("POST", "k")] * 2


def test_a_redirect_is_an_error_where_the_environment_forbids_it(
    server: FlakyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_HTTP_REDIRECTS", "false")
    server.then(308, Location=f"{server.uri}/moved")

    with pytest.raises(rb.RunebookError, match="308"):
        write(rb.Client(server.uri))
    assert len(server.seen) == 1


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("environment", "in_uri", "expected"),
    [
        ({}, "", None),
        ({"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "pæss"}, "", basic("ada:pæss")),
        ({"RUNEBOOK_TRACKING_TOKEN": "t1", "MLFLOW_TRACKING_USERNAME": "ada"}, "", "Bearer t1"),
        ({"MLFLOW_TRACKING_TOKEN": "t2"}, "", "Bearer t2"),
        ({"RUNEBOOK_TRACKING_TOKEN": "t1", "MLFLOW_TRACKING_TOKEN": "t2"}, "", "Bearer t1"),
        ({}, "bob:p%40ss@", basic("bob:p@ss")),
    ],
)
def test_a_client_signs_in_as_the_environment_or_the_address_says(
    environment: dict[str, str],
    in_uri: str,
    expected: str | None,
    server: FlakyServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    write(rb.Client(server.uri.replace("://", f"://{in_uri}")))

    assert server.seen[0].headers.get("Authorization") == expected


def test_a_client_signs_in_with_mlflows_credentials_file(own_store: Path, server: FlakyServer) -> None:
    (own_store / ".mlflow").mkdir()
    (own_store / ".mlflow" / "credentials").write_text(
        "[mlflow]\nmlflow_tracking_username = eve\nmlflow_tracking_password = 10%off\n"
    )

    write(rb.Client(server.uri))

    assert server.seen[0].headers["Authorization"] == basic("eve:10%off")


@pytest.mark.parametrize("uri", ["databricks", "databricks://team"])
def test_databricks_settings_name_a_host_and_a_token(
    uri: str, own_store: Path, server: FlakyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_store / ".databrickscfg").write_text(f"[team]\nhost = {server.uri}/\ntoken = from-file\n")
    monkeypatch.setenv("DATABRICKS_HOST", server.uri)
    monkeypatch.setenv("DATABRICKS_TOKEN", "from-environment")

    write(rb.Client(uri))

    expected = "from-file" if uri.endswith("team") else "from-environment"
    assert server.seen[0].headers["Authorization"] == f"Bearer {expected}"


def test_a_path_before_the_api_is_kept(server: FlakyServer) -> None:
    write(rb.Client(server.uri + "/behind/proxy/"))

    assert server.seen[0].path == "/behind/proxy/api/2.0/mlflow/experiments/set-experiment-tag"


def test_a_wait_for_the_server_is_said_in_the_log(server: FlakyServer, caplog: pytest.LogCaptureFixture) -> None:
    server.then(503, b"upstream is away").then(200, EXPERIMENT)

    rb.Client(server.uri).get_experiment("1")

    assert "upstream is away Trying again in 0.0 s (1 of 7)." in caplog.text


FILES = "mlflow-artifacts:/1/x/artifacts"


@pytest.mark.parametrize("failure", [429, 500, 503, DROP])
def test_a_text_that_the_server_did_not_take_is_sent_again(server: FlakyServer, failure: int) -> None:
    server.then(failure)

    rb.Client(server.uri).artifact_folder(FILES).put("a.txt", [b"hello"])

    assert [seen.body for seen in server.seen_at("a.txt")] == [b"hello"] * 2


def test_a_file_is_sent_again_when_nothing_of_it_was_sent(own_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server goes away between two requests, and comes back."""
    monkeypatch.setenv("RUNEBOOK_HTTP_REQUEST_BACKOFF_FACTOR", "0.2")
    (own_store / "model.bin").write_bytes(b"weights")
    with flaky_server() as server:
        client = rb.Client(server.uri)
        address = ("127.0.0.1", server.server_address[1])
    back: list[FlakyServer] = []

    def come_back() -> None:
        back.append(FlakyServer(address))
        back[0].handle_request()

    returning = threading.Timer(0.2, come_back)
    returning.start()
    client.artifact_folder(FILES).add(Path("model.bin"), "")
    returning.join()
    back[0].server_close()

    assert [seen.path.rpartition("/")[2] for seen in back[0].seen] == ["model.bin"]
