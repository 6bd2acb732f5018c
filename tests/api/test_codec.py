import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runebook.api import codec
from runebook.api.logged_models import FinalizeLoggedModel
from runebook.api.metrics import GetMetricHistory, GetMetricHistoryBulk, LogMetric
from runebook.api.runs import GetRun, LogBatch, SearchRuns, UpdateRun
from runebook.core.errors import InvalidParameterValue
from runebook.core.logged_models import LoggedModelStatus
from runebook.core.metrics import Metric
from runebook.core.runs import RunStatus


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "'run_id'"),
        (b"{}", "'run_id'"),
        (b'{"run_id":null}', "'run_id'"),
        (b'{"run_id":""}', "'run_id'"),
        (b'{"run_id":1}', "'run_id'"),
        (b'{"run_id":"a","status":"BOGUS"}', "'status'"),
        (b'{"run_id":"a","status":99}', "'status'"),
        (b'{"run_id":"a","status":true}', "'status'"),
        (b'{"run_id":"a","end_time":1.5}', "'end_time'"),
        (b'{"run_id":"a","end_time":-1}', "'end_time'"),
        (b'{"run_id":"a","end_time":9223372036854775808}', "'end_time'"),
        (b'{"run_id":"a","end_time":"soon"}', "'end_time'"),
        (b'{"run_id":"a","run_name":["x"]}', "'run_name'"),
    ],
)
def test_a_field_that_is_wrong_is_named(body: bytes, field: str) -> None:
    with pytest.raises(InvalidParameterValue) as raised:
        codec.decode_request(UpdateRun, body)
    assert field in raised.value.message


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b'"text"', b"1", b"null", b"[" * 100_000, b'{"run_id":NaN}'])
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidParameterValue, match="JSON"):
        codec.decode_request(UpdateRun, body)


def test_an_error_in_a_list_names_the_item() -> None:
    body = b'{"run_id":"a","metrics":[{"key":"a","value":1,"timestamp":1},{"key":"b","value":"x","timestamp":1}]}'
    with pytest.raises(InvalidParameterValue, match=r"'metrics\[1\]\.value'"):
        codec.decode_request(LogBatch, body)
    with pytest.raises(InvalidParameterValue, match=r"Missing value for required parameter 'metrics\[0\]\.timestamp'"):
        codec.decode_request(LogBatch, b'{"run_id":"a","metrics":[{"key":"a","value":1}]}')


def test_camel_case_aliases_numbers_of_enums_and_decimal_strings_are_understood() -> None:
    wanted = UpdateRun(run_id="a", status=RunStatus.FINISHED, end_time=12)
    assert codec.decode_request(UpdateRun, b'{"runId":"a","status":3,"endTime":"12"}') == wanted
    assert codec.decode_request(UpdateRun, b'{"run_uuid":"a","status":"FINISHED","end_time":12}') == wanted
    assert codec.decode_request(UpdateRun, b'{"run_uuid":"old","run_id":"a","status":3,"end_time":12}') == wanted
    assert codec.decode_request(UpdateRun, b'"{\\"run_id\\":\\"a\\",\\"status\\":3,\\"end_time\\":12}"') == wanted
    assert codec.decode_request(FinalizeLoggedModel, b'{"status":2}', {"model_id": "m"}) == FinalizeLoggedModel(
        model_id="m", status=LoggedModelStatus.READY
    )


def test_one_field_under_two_names_is_refused() -> None:
    with pytest.raises(InvalidParameterValue, match="both 'run_id' and 'runId'"):
        codec.decode_request(UpdateRun, b'{"runId":"a","run_id":"b"}')


def test_null_means_absent_where_a_field_is_optional() -> None:
    body = b'{"experiment_ids":null,"filter":null,"max_results":null,"order_by":null,"page_token":null}'
    assert codec.decode_request(SearchRuns, body) == SearchRuns()


def test_unknown_fields_are_ignored() -> None:
    assert codec.decode_request(UpdateRun, b'{"run_id":"a","of_a_newer_client":{}}') == UpdateRun(run_id="a")


def test_a_query_string_is_read_by_the_types_of_the_fields() -> None:
    pairs = [("run_id", "a"), ("run_id", "b"), ("metric_key", "loss"), ("max_results", "5")]
    request = codec.decode_query(GetMetricHistoryBulk, pairs)
    assert request == GetMetricHistoryBulk(run_id=["a", "b"], metric_key="loss", max_results=5)
    assert codec.query_pairs(request) == pairs
    assert codec.decode_query(GetRun, [("run_uuid", "a")]) == GetRun(run_id="a")
    with pytest.raises(InvalidParameterValue, match="'max_results'"):
        codec.decode_query(GetMetricHistoryBulk, [("run_id", "a"), ("metric_key", "x"), ("max_results", "many")])


@given(st.lists(st.floats(), max_size=5), st.text(max_size=5))
def test_every_double_survives_the_wire(values: list[float], key: str) -> None:
    reply = GetMetricHistory.Reply(metrics=[Metric(key=key, value=value, timestamp=0) for value in values])
    again = codec.decode_reply(GetMetricHistory, codec.encode_reply(reply))
    for value, metric in zip(values, again.metrics, strict=True):
        assert metric.key == key
        assert metric.value == value or (math.isnan(value) and math.isnan(metric.value))


def test_doubles_that_are_not_finite_are_written_as_mlflow_writes_them() -> None:
    metrics = [Metric(key="null", value=value, timestamp=0) for value in (math.nan, math.inf, -math.inf)]
    text = codec.encode_reply(GetMetricHistory.Reply(metrics=metrics)).decode()
    assert [part.split(",")[0] for part in text.split('"value":')[1:]] == ['"NaN"', '"Infinity"', '"-Infinity"']


def test_absent_fields_are_left_out_and_a_step_of_zero_is_not() -> None:
    reply = GetMetricHistory.Reply(metrics=[Metric(key="a", value=1.0, timestamp=0)])
    assert codec.encode_reply(reply) == b'{"metrics":[{"key":"a","value":1.0,"timestamp":0,"step":0}]}'
    assert codec.encode_reply(GetMetricHistory.Reply()) == b"{}"


@given(st.binary(max_size=60))
def test_no_body_makes_anything_but_a_request_or_an_error(body: bytes) -> None:
    try:
        request: Any = codec.decode_request(LogMetric, body)
    except InvalidParameterValue:
        return
    assert isinstance(request, LogMetric)


def test_two_spellings_of_a_field_are_refused_even_when_they_agree() -> None:
    with pytest.raises(InvalidParameterValue, match="both 'max_results' and 'maxResults'"):
        codec.decode_request(SearchRuns, b'{"max_results":5,"maxResults":5}')


def test_a_null_beside_an_alias_counts_as_absent() -> None:
    for body in (b'{"run_id":null,"run_uuid":"a"}', b'{"run_uuid":"a","run_id":null}'):
        assert codec.decode_request(UpdateRun, body) == UpdateRun(run_id="a")


@pytest.mark.parametrize("body", [b'{"model_id":"other","status":2}', b'{"model_id":5,"status":2}'])
def test_a_body_that_contradicts_its_path_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidParameterValue, match="'model_id'"):
        codec.decode_request(FinalizeLoggedModel, body, {"model_id": "m"})
    agreeing = codec.decode_request(FinalizeLoggedModel, b'{"model_id":"m","status":2}', {"model_id": "m"})
    assert agreeing.model_id == "m"
