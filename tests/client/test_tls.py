"""TLS to a server of the test, whose certificate (valid for loopback alone) nobody signed."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.flaky_server import FlakyServer, flaky_server

import runebook as rb
from runebook.core.errors import TemporarilyUnavailable

FILES = Path(__file__).parent / "tls"


@pytest.fixture
def server() -> Iterator[FlakyServer]:
    with flaky_server() as running:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(FILES / "certificate.pem", FILES / "key.pem")
        running.socket = context.wrap_socket(running.socket, server_side=True)
        yield running


def address(server: FlakyServer) -> str:
    return server.uri.replace("http:", "https:")


def test_an_unknown_certificate_is_refused_at_once(server: FlakyServer) -> None:
    with pytest.raises(TemporarilyUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        rb.Client(address(server)).set_experiment_tag("1", "k", "v")
    assert server.seen == []


def test_a_certificate_that_the_environment_names_is_trusted(
    server: FlakyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(FILES / "certificate.pem"))

    rb.Client(address(server)).set_experiment_tag("1", "k", "v")

    assert len(server.seen) == 1


def test_any_certificate_is_taken_where_the_environment_says_so(
    server: FlakyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNEBOOK_TRACKING_INSECURE_TLS", "true")

    rb.Client(address(server)).set_experiment_tag("1", "k", "v")

    assert len(server.seen) == 1
