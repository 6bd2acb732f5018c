from __future__ import annotations

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from runebook.server.security import Security

from .asgi import call
from .running import RunningServer


def _guarded(**options: object) -> ASGIApp:
    return Security(PlainTextResponse("reached"), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:5000",
        "127.0.0.1:1",
        "127.1.2.3",
        "[::1]:5000",
        "10.1.2.3",
        "172.16.0.1:80",
        "172.31.255.255",
        "192.168.1.1:5000",
        "[fd00::1]",
    ],
)
def test_local_and_private_hosts_are_answered(host: str) -> None:
    assert call(_guarded(), "GET", "/x", {"Host": host}).body == b"reached"


@pytest.mark.parametrize(
    "host",
    [
        "evil.com",
        "localhost.evil.com",
        "127.0.0.1.evil.com",
        "172.32.0.1",
        "8.8.8.8",
        "11.0.0.1",
        "",
        "localhost@evil.com",
        "localhost:x",
        "localhost:5000:1",
        "[::1",
        "::1",
        "evil.com localhost",
        "2130706433",
        "0x7f.1",
    ],
)
def test_foreign_hosts_are_refused(host: str) -> None:
    reply = call(_guarded(), "GET", "/api/2.0/mlflow/experiments/search", {"Host": host})

    assert (reply.status, reply.body) == (403, b"Invalid Host header - possible DNS rebinding attack detected")


@pytest.mark.parametrize(
    ("pattern", "host", "is_allowed"),
    [
        ("runs.example.com", "runs.example.com:5000", True),
        ("runs.example.com", "Runs.Example.com.", True),
        ("runs.example.com:80", "runs.example.com:80", True),
        ("runs.example.com:80", "runs.example.com:81", False),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "evilexample.com", False),
        ("*", "anything.at.all", True),
        ("runs.example.com", "xruns.example.com", False),
    ],
)
def test_allowed_hosts_are_patterns(pattern: str, host: str, is_allowed: bool) -> None:
    reply = call(_guarded(allowed_hosts=[pattern]), "GET", "/x", {"Host": host})

    assert (reply.status == 200) is is_allowed


def test_only_health_and_version_answer_to_any_host(server: RunningServer) -> None:
    evil = {"Host": "evil.com"}

    assert server.request("GET", "/health", headers=evil).body == b"OK"
    assert server.request("GET", "/version", headers=evil).status == 200
    for path in (
        "/",
        "/api/2.0/mlflow/runs/get",
        "/nope",
        "/health/",
        "/get-artifact",
        "/api/runebook/v1/openapi.json",
    ):
        assert server.request("GET", path, headers=evil).status == 403
    assert server.request("PUT", "/api/2.0/mlflow-artifacts/artifacts/a", b"x", evil).status == 403
    assert server.stored_files() == []


def test_a_request_without_a_host_or_with_two_is_refused(server: RunningServer) -> None:
    for hosts in (b"", b"Host: localhost\r\nHost: evil.com\r\n"):
        answered = server.raw(b"GET / HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n")
        assert answered.split()[1] in {b"403", b"400"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_foreign_page_cannot_write(method: str) -> None:
    for origin in ("https://evil.com", "null", "http://localhost.evil.com", "http://localhost@evil.com", "file://"):
        reply = call(_guarded(), method, "/api/x", {"Origin": origin})
        assert (reply.status, reply.body) == (403, b"Cross-origin request blocked")


def test_a_foreign_page_may_ask_but_not_read_the_answer() -> None:
    reply = call(_guarded(), "GET", "/api/x", {"Origin": "https://evil.com"})

    assert reply.body == b"reached"
    assert "access-control-allow-origin" not in reply.headers


@pytest.mark.parametrize(
    "origin", ["http://localhost", "http://localhost:3000", "https://127.0.0.1:1", "http://[::1]:1"]
)
def test_local_pages_may_write(origin: str) -> None:
    reply = call(_guarded(), "POST", "/api/x", {"Origin": origin})

    assert (reply.body, reply.headers["access-control-allow-origin"]) == (b"reached", origin)


def test_a_page_of_the_server_itself_may_write() -> None:
    guarded = _guarded(allowed_hosts=["runs.example.com"])
    same = {"Host": "runs.example.com", "Origin": "https://runs.example.com"}
    other = {"Host": "runs.example.com", "Origin": "https://runs.example.com:444"}

    assert call(guarded, "POST", "/api/x", same).status == 200
    assert call(guarded, "POST", "/api/x", other).status == 403


def test_listed_origins_may_write_and_read() -> None:
    guarded = _guarded(allowed_origins=["https://*.example.com", "https://one.org"])

    for origin in ("https://a.example.com", "https://one.org"):
        reply = call(guarded, "POST", "/x", {"Origin": origin})
        assert reply.headers["access-control-allow-origin"] == origin
    for origin in ("https://one.org.evil.com", "https://evil.com/.example.com", "http://one.org"):
        assert call(guarded, "POST", "/x", {"Origin": origin}).status == 403


def test_a_preflight_is_granted_to_listed_pages_only() -> None:
    guarded = _guarded(allowed_origins=["https://one.org"])
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type, x-own"}

    granted = call(guarded, "OPTIONS", "/api/x", {"Origin": "https://one.org", **asked})
    refused = call(guarded, "OPTIONS", "/api/x", {"Origin": "https://evil.com", **asked})

    assert granted.status == 204
    assert granted.headers["access-control-allow-origin"] == "https://one.org"
    assert "PATCH" in granted.headers["access-control-allow-methods"]
    assert granted.headers["access-control-allow-headers"] == "content-type, x-own"
    assert refused.status == 400
    assert "access-control-allow-origin" not in refused.headers


def test_every_answer_carries_the_guarding_headers_once(server: RunningServer) -> None:
    for path in ("/health", "/nope", "/", "/api/2.0/mlflow/experiments/get?experiment_id=0"):
        headers = server.request("GET", path).headers
        for name, value in (("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "SAMEORIGIN")):
            assert headers.get_all(name) == [value]
        assert headers["Vary"] == "Origin"


def test_the_frame_header_can_be_chosen_or_left_out() -> None:
    assert call(_guarded(x_frame_options="DENY"), "GET", "/").headers["x-frame-options"] == "DENY"
    assert "x-frame-options" not in call(_guarded(x_frame_options="none"), "GET", "/").headers
