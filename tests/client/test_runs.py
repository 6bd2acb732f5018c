from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.client.conftest import Script

import runebook as rb
from runebook.core import tags


def status(run_id: str) -> str:
    return rb.get_run(run_id).info.status


def test_a_block_ends_its_run() -> None:
    with rb.start_run(run_name="first", tags={"a": 1}, description="Why.") as run:
        assert rb.active_run() is run
        assert status(run.info.run_id) == "RUNNING"

    stored = rb.get_run(run.info.run_id)
    assert (stored.info.status, stored.info.run_name, rb.active_run()) == ("FINISHED", "first", None)
    assert (stored.data.tags["a"], stored.data.tags[tags.NOTE]) == ("1", "Why.")
    assert stored.info.end_time is not None
    assert stored.info.end_time >= stored.info.start_time


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError(), "FAILED"),
        (KeyboardInterrupt(), "FAILED"),
        (SystemExit(1), "FAILED"),
        (SystemExit("message"), "FAILED"),
        (SystemExit(0), "FINISHED"),
        (SystemExit(), "FINISHED"),
    ],
)
def test_a_block_that_raises_ends_its_run_as_failed(error: BaseException, expected: str) -> None:
    with pytest.raises(type(error)), rb.start_run() as run:
        raise error

    assert status(run.info.run_id) == expected


def test_a_second_run_must_say_that_it_is_nested() -> None:
    with rb.start_run() as outer, pytest.raises(rb.RunebookError, match=f"{outer.info.run_id} is active already"):
        rb.start_run()


def test_nested_runs_name_their_parent() -> None:
    with rb.start_run() as outer:
        with rb.start_run(nested=True) as inner:
            assert rb.active_run() is inner
            rb.log_param("depth", 2)
        assert rb.active_run() is outer

    parent = rb.get_parent_run(inner.info.run_id)
    assert parent is not None
    assert parent.info.run_id == outer.info.run_id
    assert rb.get_parent_run(outer.info.run_id) is None
    assert rb.get_run(outer.info.run_id).data.params == {}


def test_a_block_ends_what_was_left_open_inside_of_it() -> None:
    with rb.start_run() as outer:
        inner = rb.start_run(nested=True)

    assert (status(outer.info.run_id), status(inner.info.run_id), rb.active_run()) == ("FINISHED", "FINISHED", None)


def test_a_run_may_name_another_parent() -> None:
    with rb.start_run() as parent:
        pass
    with rb.start_run(parent_run_id=parent.info.run_id) as child:
        pass

    assert child.data.tags[tags.PARENT_RUN_ID] == parent.info.run_id


def test_a_deleted_parent_is_refused() -> None:
    with rb.start_run() as parent:
        pass
    rb.delete_run(parent.info.run_id)

    with pytest.raises(rb.RunebookError, match="is deleted"):
        rb.start_run(parent_run_id=parent.info.run_id)


def test_end_run_takes_a_status_and_does_nothing_without_a_run() -> None:
    rb.end_run()
    run = rb.start_run()
    rb.end_run("KILLED")

    assert (status(run.info.run_id), rb.active_run()) == ("KILLED", None)


def test_a_status_that_is_none_is_refused_and_the_run_stays_active() -> None:
    run = rb.start_run()

    with pytest.raises(rb.RunebookError, match="Not a valid run status: 'DONE'"):
        rb.end_run("DONE")
    assert rb.active_run() is run


def test_a_run_that_ended_in_its_block_keeps_its_status() -> None:
    with rb.start_run() as run:
        rb.end_run("KILLED")

    assert status(run.info.run_id) == "KILLED"


def test_a_resumed_run_runs_again_and_keeps_what_it_had() -> None:
    with rb.start_run() as first:
        rb.log_param("p", 1)
    with rb.start_run(run_id=first.info.run_id, tags={"again": "yes"}, description="Second try.") as again:
        assert again.info.run_id == first.info.run_id
        assert status(first.info.run_id) == "RUNNING"
        rb.log_metric("m", 1)

    stored = rb.get_run(first.info.run_id)
    assert (stored.info.status, stored.data.params, stored.data.metrics) == ("FINISHED", {"p": "1"}, {"m": 1.0})
    assert (stored.data.tags["again"], stored.data.tags[tags.NOTE]) == ("yes", "Second try.")


def test_a_deleted_run_is_not_resumed() -> None:
    with rb.start_run() as run:
        pass
    rb.delete_run(run.info.run_id)

    with pytest.raises(rb.RunebookError, match="is deleted"):
        rb.start_run(run_id=run.info.run_id)
    assert rb.active_run() is None


def test_a_run_of_another_experiment_is_not_resumed() -> None:
    with rb.start_run() as run:
        pass
    rb.set_experiment("another")

    with pytest.raises(rb.RunebookError, match="stands in experiment 0"):
        rb.start_run(run_id=run.info.run_id)


@pytest.mark.parametrize("variable", ["RUNEBOOK_RUN_ID", "MLFLOW_RUN_ID"])
def test_the_environment_names_a_run_to_resume_once(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with rb.start_run() as first:
        pass
    monkeypatch.setenv(variable, first.info.run_id)

    with rb.start_run() as second:
        pass
    with rb.start_run() as third:
        pass

    assert second.info.run_id == first.info.run_id
    assert third.info.run_id != first.info.run_id


def test_the_environment_adds_tags_which_the_caller_may_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_RUN_CONTEXT", '{"team": "vision", "job": 7, "mlflow.user": "robot"}')

    with rb.start_run(tags={"team": "audio"}) as run:
        pass

    assert {key: run.data.tags[key] for key in ("team", "job", "mlflow.user")} == {
        "team": "audio",
        "job": "7",
        "mlflow.user": "robot",
    }
    assert run.info.user_id == "robot"


def test_a_run_context_that_is_no_json_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNEBOOK_RUN_CONTEXT", "team=vision")

    with pytest.raises(rb.RunebookError, match="RUNEBOOK_RUN_CONTEXT"):
        rb.start_run()


def test_the_last_active_run_is_read_anew() -> None:
    assert rb.last_active_run() is None
    with rb.start_run() as run:
        rb.log_metric("m", 2)

    last = rb.last_active_run()
    assert last is not None
    assert (last.info.run_id, last.data.metrics) == (run.info.run_id, {"m": 2.0})


def test_a_description_is_given_once() -> None:
    with pytest.raises(rb.RunebookError, match="not both"):
        rb.start_run(tags={tags.NOTE: "a"}, description="b")


def test_system_metrics_that_are_not_there_yet_are_said_to_be_so() -> None:
    with pytest.warns(UserWarning, match="not logged yet"):
        rb.start_run(log_system_metrics=True)


def test_changing_the_store_leaves_the_active_run_where_it_is(own_store: Path) -> None:
    with rb.start_run() as run:
        rb.set_tracking_uri(own_store / "elsewhere")
        rb.log_metric("m", 1)
    rb.set_tracking_uri("")

    assert rb.get_run(run.info.run_id).data.metrics == {"m": 1.0}


def test_a_run_knows_how_it_was_started(script: Script) -> None:
    script("import runebook as rb; rb.start_run()", "--password", "hush", "--api-key=hush", "--rate", "3")

    stored = rb.search_runs(output_format="list")
    assert isinstance(stored, list)
    found = stored[0].data.tags
    assert found[tags.SOURCE_NAME].endswith("script.py")
    assert found[tags.SOURCE_TYPE] == "LOCAL"
    assert found[tags.PYTHON_VERSION] == ".".join(map(str, sys.version_info[:3]))
    assert found[tags.COMMAND].endswith("script.py --password '***' '--api-key=***' --rate 3")
    assert "hush" not in str(found)
    assert {tags.USER, tags.PLATFORM, tags.HOSTNAME} <= set(found)


def test_a_resumed_run_takes_a_new_name_and_keeps_its_own_without_one() -> None:
    with rb.start_run(run_name="first") as run:
        pass
    run_id = run.info.run_id

    with rb.start_run(run_id=run_id) as resumed:
        assert resumed.info.run_name == "first"
    with rb.start_run(run_id=run_id, run_name="second") as resumed:
        assert resumed.info.run_name == "second"

    assert rb.get_run(run_id).info.run_name == "second"


def test_the_status_of_a_model_prints_as_a_word() -> None:
    model = rb.initialize_logged_model(name="m")

    assert f"{model.status}" == str(model.status) == "PENDING"
