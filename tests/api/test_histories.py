from __future__ import annotations

import json
import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runebook.api.codec import decode_reply, encode_reply
from runebook.api.metrics import GetMetricHistory
from runebook.core.columns import Columns
from runebook.core.histories import History
from runebook.core.limits import MAX_INT64, MIN_INT64
from runebook.core.metrics import Metric, Point

Reply = GetMetricHistory.Reply
POINTS = st.lists(
    st.builds(Point, st.integers(MIN_INT64, MAX_INT64), st.integers(0, MAX_INT64), st.floats(width=64)), min_size=1
)
KEYS = st.text(min_size=1) | st.sampled_from(['"value":null', ":null,", "null", "nullify/é", '\\"value":null,'])


@given(KEYS, POINTS, st.none() | st.just("a" * 32), st.none() | st.just("token"))
def test_a_history_is_the_json_of_the_list_of_its_metrics(
    key: str, points: list[Point], run_id: str | None, token: str | None
) -> None:
    history = History(key, Columns.of(points), run_id)

    assert encode_reply(Reply(metrics=history, next_page_token=token)) == encode_reply(
        Reply(metrics=list(history), next_page_token=token)
    )


@given(KEYS, POINTS)
def test_a_client_reads_back_what_was_sent(key: str, points: list[Point]) -> None:
    history = History(key, Columns.of(points))
    reply = decode_reply(GetMetricHistory, encode_reply(Reply(metrics=history)))

    assert repr(reply.metrics) == repr(history)


def test_a_long_history_keeps_every_value_at_its_place() -> None:
    count = 20_000
    values = array("d", (step / 7 for step in range(count)))
    odd = {5: math.nan, 8191: math.inf, 8192: -math.inf, count - 1: math.nan}
    for place, value in odd.items():
        values[place] = value
    steps = array("q", range(count))
    sent = json.loads(encode_reply(Reply(metrics=History("loss", Columns(steps, steps, values)))))["metrics"]

    assert [point["step"] for point in sent] == list(range(count))
    assert [place for place, point in enumerate(sent) if isinstance(point["value"], str)] == sorted(odd)
    assert [point["value"] for point in sent if isinstance(point["value"], str)] == [
        "NaN",
        "Infinity",
        "-Infinity",
        "NaN",
    ]
    assert sent[7000] == {"key": "loss", "value": 1000.0, "timestamp": 7000, "step": 7000}


def test_a_history_is_a_sequence_of_metrics() -> None:
    history = History("m", Columns.of([Point(1, 5, 0.5), Point(2, 6, 1.5), Point(3, 7, 2.5)]))

    assert history[1] == Metric(key="m", value=1.5, timestamp=6, step=2)
    assert history[-1] == history[2]
    assert history[1:] == [history[1], history[2]]
    assert list(history) == [history[0], *history[1:]]
    assert history != list(history)[:2]
    assert repr(history) == repr(list(history))
    with pytest.raises(IndexError):
        history[3]
