from __future__ import annotations

import json
import logging

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from runebook.core.errors import ERRORS_BY_CODE, InvalidState, NotFound, RunebookError, error_from_code
from runebook.server.errors import STATUS_BY_CODE, ErrorBoundary, error_response
from runebook.server.request_log import RequestLog
from runebook.server.routing import Router

from .asgi import call


def _app_that_raises(error: BaseException) -> RequestLog:
    async def handler(_: Request) -> Response:
        raise error

    router = Router()
    router.add("/", {"GET": handler})
    return RequestLog(ErrorBoundary(router))


def test_every_code_has_a_status() -> None:
    missing = ERRORS_BY_CODE.keys() - STATUS_BY_CODE.keys() - {"MISSING_EXTRA"}

    assert missing == set()


def test_what_the_caller_did_wrong_is_never_a_server_error() -> None:
    servers_own = {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "DEADLINE_EXCEEDED"}

    for code, status in STATUS_BY_CODE.items():
        assert (status >= 500) is (code in servers_own)


def test_an_error_is_answered_with_its_code_message_and_class() -> None:
    reply = call(_app_that_raises(NotFound("Run 'x' not found")), "GET", "/")

    assert reply.status == 404
    assert json.loads(reply.body) == {
        "error_code": "RESOURCE_DOES_NOT_EXIST",
        "message": "Run 'x' not found",
        "sqlstate": "KAM00",
        "error_class": "RESOURCE_NOT_FOUND",
    }


def test_a_wrong_state_keeps_its_code_under_400() -> None:
    response = error_response(InvalidState("deleted"))

    assert response.status_code == 400
    assert json.loads(bytes(response.body))["error_code"] == "INVALID_STATE"


def test_a_foreign_code_is_a_server_error() -> None:
    assert error_response(error_from_code("FEATURE_DISABLED", "x")).status_code == 500


def test_a_defect_tells_the_client_nothing_but_where_to_look(caplog: pytest.LogCaptureFixture) -> None:
    defect = RuntimeError("SELECT secret FROM users")
    with caplog.at_level(logging.ERROR, "runebook.server"):
        reply = call(_app_that_raises(defect), "GET", "/", {"X-Request-Id": "req-1"})

    told = json.loads(reply.body)
    assert (reply.status, told["error_code"]) == (500, "INTERNAL_ERROR")
    assert "secret" not in told["message"]
    assert "req-1" in told["message"]
    logged = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.exc_info[1] for record in logged if record.exc_info] == [defect]


def test_an_error_that_carries_a_5xx_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "runebook.server"):
        reply = call(_app_that_raises(RunebookError("broken")), "GET", "/")

    assert reply.status == 500
    assert "broken" in caplog.text


def test_an_error_in_the_middle_of_an_answer_cuts_it_off() -> None:
    async def half() -> object:
        yield b"half"
        raise RuntimeError("the disk went away")

    async def handler(_: Request) -> Response:
        return StreamingResponse(half())  # type: ignore[arg-type]

    router = Router()
    router.add("/", {"GET": handler})

    with pytest.raises(RuntimeError, match="disk"):
        call(ErrorBoundary(router), "GET", "/")


def test_a_client_that_left_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "runebook.server"), pytest.raises(IndexError):  # there is no answer
        call(_app_that_raises(ClientDisconnect()), "GET", "/")

    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert caplog.records[0].fields["status"] == 499  # type: ignore[attr-defined]
