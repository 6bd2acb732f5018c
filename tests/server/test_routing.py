from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from runebook.api import OPERATIONS
from runebook.core.errors import BadRequest, EndpointNotFound
from runebook.server.routing import Router

from .asgi import call
from .bad_values import NOT_OF_FOLDERS
from .running import RunningServer

ROUTES = [
    (operation.spec.name, verb, path)
    for operation in OPERATIONS.values()
    for verb in operation.spec.verbs
    for path in operation.spec.routes
]
VERBS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def _filled(path: str) -> str:
    return path.replace("{model_id}", "m-none").replace("{tag_key}", "k").replace("{tag_key:path}", "k")


@pytest.mark.parametrize(("name", "verb", "path"), ROUTES)
def test_every_operation_is_served_under_each_of_its_paths(
    server: RunningServer, name: str, verb: str, path: str
) -> None:
    answer = server.post(_filled(path), {}, verb) if verb != "GET" else server.request(verb, _filled(path))

    assert answer.headers["Content-Type"] == "application/json"
    if answer.status != 200:
        codes = {"INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"}
        assert answer.error_code in codes | ({"NOT_IMPLEMENTED"} if name in NOT_OF_FOLDERS else set()), answer.body


@pytest.mark.parametrize("path", sorted({path for _, _, path in ROUTES}))
def test_a_wrong_verb_is_told_the_right_ones(server: RunningServer, path: str) -> None:
    right = {verb for _, verb, other in ROUTES if other == path}
    for verb in VERBS - right:
        answer = server.post(_filled(path), {}, verb)
        assert (answer.status, answer.error_code) == (405, "METHOD_NOT_ALLOWED")
        assert set(answer.headers["Allow"].split(", ")) - {"HEAD"} == right


@pytest.mark.parametrize(
    "path",
    ["/nope", "/api", "/api/2.0/mlflow/", "/api/2.1/mlflow/runs/get", "/api/2.0/preview/mlflow/runs/get", "//health"],
)
def test_an_unknown_path_is_answered_in_json(server: RunningServer, path: str) -> None:
    answer = server.raw_request("GET", path.encode())

    assert (answer.status, answer.error_code) == (404, "ENDPOINT_NOT_FOUND")


def test_search_answers_to_both_of_its_verbs(server: RunningServer) -> None:
    path = "/api/2.0/mlflow/experiments/search"

    assert server.request("GET", f"{path}?max_results=1").json == server.post(path, {"max_results": 1}).json


def test_head_is_answered_without_a_body(server: RunningServer) -> None:
    answer = server.request("HEAD", "/health")

    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "2")


@pytest.mark.parametrize("slash", ["/", "%2F"])
def test_a_key_in_the_path_may_hold_slashes_and_any_letter(server: RunningServer, slash: str) -> None:
    base = "/api/2.0/mlflow/logged-models"
    model = server.post(base, {"experiment_id": "0"}).json["model"]["info"]["model_id"]
    server.post(f"{base}/{model}/tags", {"tags": [{"key": "a/b é", "value": "x"}]}, "PATCH")

    assert server.request("DELETE", f"{base}/{model}/tags/a{slash}b%20%C3%A9").status == 200
    answer = server.request("DELETE", f"{base}/{model}/tags/a{slash}b%20%C3%A9")
    assert (answer.status, answer.error_code) == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize(
    "path",
    [
        "/api/2.0/mlflow/logged-models/%ff",
        "/api/2.0/mlflow/runs/get?run_id=%ff",
        "/api/2.0/mlflow/runs/get?run_id=%c3%28",
    ],
)
def test_bytes_that_are_no_utf8_are_a_bad_request(server: RunningServer, path: str) -> None:
    answer = server.request("GET", path)

    assert (answer.status, answer.error_code) == (400, "BAD_REQUEST")
    assert "UTF-8" in answer.json["message"]


def test_lists_repeat_their_name_in_a_query(server: RunningServer, run_id: str) -> None:
    path = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
    for step in range(2):
        point = {"run_id": run_id, "key": "m", "value": step, "timestamp": 1, "step": step}
        server.post("/api/2.0/mlflow/runs/log-metric", point)

    answer = server.request("GET", f"{path}?run_id={run_id}&run_id={'0' * 32}&metric_key=m")

    assert [point["step"] for point in answer.json["metrics"]] == [0, 1]


def test_an_absolute_target_and_a_query_in_odd_places_do_no_harm(server: RunningServer) -> None:
    for target in (b"http://localhost/health", b"/health?", b"/health?a=b?c"):
        assert server.raw_request("GET", target).body == b"OK"
    assert server.raw_request("GET", b"/health%3Fa").status == 404


@pytest.fixture(scope="module")
def prefixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("prefixed"), static_prefix="/lab/book") as running:
        yield running


def test_the_static_prefix_stands_before_every_path(prefixed: RunningServer) -> None:
    assert prefixed.announcement.strip().endswith(f":{prefixed.port}/lab/book")
    for path in ("/health", "/version", "/", "/api/2.0/mlflow/experiments/get?experiment_id=0"):
        assert prefixed.request("GET", f"/lab/book{path}").status == 200
    assert prefixed.request("GET", "/lab/book").status == 200
    assert prefixed.request("PUT", "/lab/book/api/2.0/mlflow-artifacts/artifacts/a", b"x").status == 200
    assert b'href="/lab/book/health"' in prefixed.request("GET", "/lab/book/").body


def test_without_the_prefix_only_probes_are_answered(prefixed: RunningServer) -> None:
    assert prefixed.request("GET", "/health").status == 200
    for path in ("/", "/api/2.0/mlflow/experiments/get?experiment_id=0", "/lab/booked/health", "/lab"):
        assert prefixed.request("GET", path).status == 404


async def _echo(request: Request) -> Response:
    return PlainTextResponse(repr(request.path_params))


def test_a_path_field_takes_one_part_and_a_path_takes_all() -> None:
    router = Router()
    router.add("/a/{x}/b", {"GET": _echo})
    router.add("/files/{p:path}", {"GET": _echo})
    router.add("/a.b", {"GET": _echo})

    assert call(router, "GET", "/a/1%2F2/b").body == b"{'x': '1/2'}"
    assert call(router, "GET", "/files/x/../y%0A").body == b"{'p': 'x/../y\\n'}"
    for path in ("/a/1/2/b", "/a//b", "/aXb", "/files"):
        with pytest.raises(EndpointNotFound):
            call(router, "GET", path)
    with pytest.raises(BadRequest):
        call(router, "GET", "/files/%ff")


def test_a_path_is_served_once() -> None:
    router = Router()
    router.add("/a", {"GET": _echo})
    router.add("/a", {"POST": _echo})

    with pytest.raises(ValueError, match="served twice"):
        router.add("/a", {"GET": _echo})


def test_the_start_page_needs_nothing_from_elsewhere(server: RunningServer) -> None:
    answer = server.request("GET", "/", headers={"Host": "localhost:1"})
    page = answer.body.decode()

    assert "http://localhost:1" in page
    assert "src=" not in page
    assert page.count("http") == 1
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_store_is_kept_where_the_settings_say(server: RunningServer) -> None:
    assert Path(server.database).is_file()
