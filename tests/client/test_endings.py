"""How runs end when their process does. Each case is a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.client.conftest import Script, without_settings

import runebook as rb


def statuses() -> dict[str, str]:
    runs = rb.search_runs(output_format="list")
    assert isinstance(runs, list)
    return {str(run.info.run_name): run.info.status for run in runs}


def killed(source: str, folder: Path, **environment: str) -> int:
    """Send SIGTERM when the program says `ready`; returns its exit status."""
    process = subprocess.Popen(
        [sys.executable, "-c", source],
        cwd=folder,
        env=without_settings() | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        return process.wait(30)


def test_a_script_that_comes_to_its_end_finishes_its_runs(script: Script) -> None:
    script("import runebook as rb; rb.start_run(run_name='a'); rb.start_run(run_name='b', nested=True)")

    assert statuses() == {"a": "FINISHED", "b": "FINISHED"}


def test_a_script_that_crashes_fails_its_runs_and_still_prints_its_traceback(script: Script) -> None:
    done = script("import runebook as rb; rb.start_run(run_name='a'); 1 / 0", check=False)

    assert statuses() == {"a": "FAILED"}
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


def test_an_excepthook_of_the_script_still_runs(script: Script) -> None:
    done = script(
        """
        import sys
        import runebook as rb
        sys.excepthook = lambda *_: print("mine")
        rb.start_run(run_name="a")
        raise ValueError
        """,
        check=False,
    )

    assert statuses() == {"a": "FAILED"}
    assert done.stdout == "mine\n"


def test_sys_exit_outside_of_a_block_finishes_the_run(script: Script) -> None:
    script("import sys, runebook as rb; rb.start_run(run_name='a'); sys.exit(0)")

    assert statuses() == {"a": "FINISHED"}


def test_a_thread_that_crashes_fails_its_own_run(script: Script) -> None:
    script(
        """
        import threading
        import runebook as rb
        def work():
            rb.start_run(run_name="thread")
            raise ValueError
        rb.start_run(run_name="main")
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        """
    )

    assert statuses() == {"main": "FINISHED", "thread": "FAILED"}


def test_sigterm_kills_the_open_runs_and_the_process_dies_of_it(own_store: Path) -> None:
    code = killed(
        "import time, runebook as rb; rb.start_run(run_name='a'); rb.start_run(run_name='b', nested=True);"
        "print('ready', flush=True); time.sleep(30)",
        own_store,
    )

    assert (code, statuses()) == (-signal.SIGTERM, {"a": "KILLED", "b": "KILLED"})


def test_sigterm_in_the_middle_of_logging_waits_for_the_call(own_store: Path) -> None:
    code = killed(
        "import runebook as rb\n"
        "with rb.start_run(run_name='a'):\n"
        "    rb.log_metric('m', 0)\n"
        "    print('ready', flush=True)\n"
        "    for step in range(10**9): rb.log_metric('m', step, step=step)",
        own_store,
    )

    assert (code, statuses()) == (-signal.SIGTERM, {"a": "KILLED"})


def test_sigterm_ends_runs_on_a_server_too(own_store: Path, server_uri: str) -> None:
    name = f"killed-{time.time_ns()}"
    code = killed(
        f"import time, runebook as rb; rb.start_run(run_name='{name}'); print('ready', flush=True); time.sleep(30)",
        own_store,
        RUNEBOOK_TRACKING_URI=server_uri,
    )

    rb.set_tracking_uri(server_uri)
    assert (code, statuses()[name]) == (-signal.SIGTERM, "KILLED")


def test_a_sigterm_handler_that_was_there_runs_and_decides_the_exit(own_store: Path) -> None:
    code = killed(
        "import signal, sys, time, runebook as rb\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "with rb.start_run(run_name='a'):\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(30)",
        own_store,
    )

    assert (code, statuses()) == (7, {"a": "KILLED"})


def test_the_sigterm_handler_stands_only_while_a_run_is_open() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with rb.start_run():
        during = signal.getsignal(signal.SIGTERM)

    assert during != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_handler_set_during_the_run_is_left_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)

    def own(*_: object) -> None:
        raise AssertionError

    try:
        with rb.start_run():
            signal.signal(signal.SIGTERM, own)
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)


FORK = """
import os
import runebook as rb
with rb.start_run(run_name="parent"):
    rb.log_metric("before", 1)
    child = os.fork()
    if child == 0:
        try:
            rb.log_metric("from child", 1)
            with rb.start_run(run_name="child", nested=True):
                rb.log_metric("own", 1)
            rb.end_run("FAILED")
            assert rb.active_run() is None
            rb.start_run(run_name="second of child")
            rb.end_run()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    status = rb.get_run(rb.active_run().info.run_id).info.status
    assert status == "RUNNING", status
    rb.log_metric("after", 1)
"""


@pytest.mark.parametrize("store", ["sqlite", "files", "server"])
def test_a_forked_child_logs_to_its_parents_run_and_cannot_end_it(
    store: str, script: Script, own_store: Path, server_uri: str
) -> None:
    uris = {"sqlite": f"sqlite:///{own_store}/f.db", "files": str(own_store / "mlruns"), "server": server_uri}
    script(f"import os; os.environ['RUNEBOOK_TRACKING_URI'] = {uris[store]!r}\n" + FORK)

    rb.set_tracking_uri(uris[store])
    runs = rb.search_runs(output_format="list", order_by=["start_time DESC"], max_results=3)
    assert isinstance(runs, list)
    found = {str(run.info.run_name): run for run in runs}
    assert {name: run.info.status for name, run in found.items()} == {
        "parent": "FINISHED",
        "child": "FINISHED",
        "second of child": "FINISHED",
    }
    assert found["parent"].data.metrics == {"before": 1.0, "from child": 1.0, "after": 1.0}
    assert found["child"].data.tags["mlflow.parentRunId"] == found["parent"].info.run_id


def test_many_forks_while_threads_log_lose_nothing(script: Script) -> None:
    script(
        """
        import os, threading
        import runebook as rb
        with rb.start_run(run_name="parent") as run:
            run_id = run.info.run_id
            def log(name):
                for step in range(40):
                    rb.log_metric(name, step, step=step, run_id=run_id)
            threads = [threading.Thread(target=log, args=(f"t{n}",)) for n in range(2)]
            for thread in threads: thread.start()
            for n in range(8):
                child = os.fork()
                if child == 0:
                    try:
                        rb.log_metric(f"c{n}", n)
                    finally:
                        os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
            for thread in threads: thread.join()
        """
    )

    run = rb.search_runs(output_format="list")[0]
    assert {f"c{n}" for n in range(8)} | {"t0", "t1"} == set(run.data.metrics)
    assert len(rb.MlflowClient().get_metric_history(run.info.run_id, "t0")) == 40


def test_a_process_of_multiprocessing_ends_its_runs(script: Script) -> None:
    script(
        """
        import multiprocessing
        import runebook as rb
        def good(): rb.start_run(run_name="good")
        def bad():
            rb.start_run(run_name="bad")
            raise ValueError
        if __name__ == "__main__":
            for method in ("fork", "spawn"):
                context = multiprocessing.get_context(method)
                for work in (good, bad):
                    process = context.Process(target=work)
                    process.start()
                    process.join()
        """
    )

    runs = rb.search_runs(output_format="list")
    assert isinstance(runs, list)
    assert sorted((str(run.info.run_name), run.info.status) for run in runs) == [
        ("bad", "FAILED"),
        ("bad", "FAILED"),
        ("good", "FINISHED"),
        ("good", "FINISHED"),
    ]


def test_the_child_of_a_fork_leaves_the_parents_files_alone(own_store: Path) -> None:
    rb.set_tracking_uri("memory:")
    with rb.start_run() as run:
        rb.log_text("kept", "note.txt")
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)

        assert rb.MlflowClient().list_artifacts(run.info.run_id)[0].path == "note.txt"
