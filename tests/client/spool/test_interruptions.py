"""Signals, interrupts from the keyboard, threads, tasks and forks in the middle of logging: each point is there once.

Each is a process of its own, with small segments, so that they turn often. It prints what it logged, as steps by key.
"""

from __future__ import annotations

import json
from collections import Counter

import pytest
from tests.client.conftest import Script

import runebook as rb

BEGIN = """
import asyncio, contextvars, json, os, random, signal, sys, threading, time
import runebook as rb
from runebook.client.spool import spool
spool.FIRST_SEGMENT_SLOTS, spool.SEGMENT_SLOTS = 11, 17
def tell(logged):
    print(json.dumps(logged))
"""


def stored(run_id: str) -> dict[str, Counter[int]]:
    """How often each step of each key is in the store, for points whose value fits."""
    client = rb.MlflowClient()
    found: dict[str, Counter[int]] = {}
    for key in client.get_run(run_id).data.metrics:
        history = client.get_metric_history(run_id, key)
        assert all(point.value == point.step / 4 for point in history)
        found[key] = Counter(point.step for point in history)
    return found


def check(printed: str, *, may_hold_more: bool = False) -> None:
    """What the program said that it logged is in the store, each once."""
    logged = json.loads(printed)
    (run,) = rb.search_runs(output_format="list")
    found = stored(run.info.run_id)
    for key, steps in logged.items():
        missing = set(steps) - set(found.get(key, {}))
        assert not missing, (key, sorted(missing)[:10])
        twice = [step for step, times in found[key].items() if times > 1]
        assert not twice, (key, twice[:10])
        if not may_hold_more:
            assert len(found[key]) == len(steps)


@pytest.mark.parametrize("seed", range(3))
def test_a_signal_handler_that_logs_while_the_main_thread_does_loses_nothing(script: Script, seed: int) -> None:
    done = script(
        BEGIN
        + f"""
random.seed({seed})
logged = {{"main": [], "handler": [], "text": []}}
with rb.start_run():
    for key in logged:
        rb.log_metric(key, 0.0, step=0)
    logged = {{key: [0] for key in logged}}
    count = 0
    def on_alarm(*_):
        global count
        count += 1
        step = count
        rb.log_metric("handler", step / 4, step=step)
        logged["handler"].append(step)
        if step % 50 == 0:
            rb.set_tag("handler", "x" * random.randrange(400))
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00001, 0.0003))
    signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.0001)
    end = time.monotonic() + 0.8
    step = 0
    while time.monotonic() < end:
        for _ in range(200):
            step += 1
            rb.log_metric("main", step / 4, step=step)
            logged["main"].append(step)
        rb.set_tag("main", "x" * random.randrange(400))
        rb.log_metrics({{"text": step / 4}}, step=step)
        logged["text"].append(step)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
assert count > 30, count
tell(logged)
"""
    )

    check(done.stdout)
    assert "unexpected" not in done.stderr


def test_a_signal_handler_that_logs_new_keys_does_not_mix_them_up(script: Script) -> None:
    done = script(
        BEGIN
        + """
logged = {"m1": [1]}
with rb.start_run():
    rb.log_metric("m1", 0.25, step=1)  # what logging needs is imported
    count = 0
    def on_alarm(*_):
        global count
        count += 1
        rb.log_metric(f"h{count % 300}", count / 4, step=count)
        logged.setdefault(f"h{count % 300}", []).append(count)
        signal.setitimer(signal.ITIMER_REAL, 0.0001)
    signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.0001)
    for step in range(2, 1500):
        rb.log_metric(f"m{step % 500}", step / 4, step=step)
        logged.setdefault(f"m{step % 500}", []).append(step)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
assert count > 50, count
tell(logged)
"""
    )

    check(done.stdout)


def test_after_interrupts_from_the_keyboard_everything_that_returned_is_there(script: Script) -> None:
    done = script(
        BEGIN
        + """
logged = {"m": [], "n": []}
interrupts = 0
def on_alarm(*_):
    raise KeyboardInterrupt
with rb.start_run():
    rb.log_metrics({"m": 0.0, "n": 0.0}, step=0)
    logged = {"m": [0], "n": [0]}
    signal.signal(signal.SIGALRM, on_alarm)
    step = 0
    end = time.monotonic() + 0.8
    while time.monotonic() < end:
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00002, 0.0005))
            while True:
                step += 1
                key = "m" if step % 3 else "n"
                if rb.log_metric(key, step / 4, step=step) is None: logged[key].append(step)
        except KeyboardInterrupt:
            interrupts += 1
            step += 1
            if interrupts % 100 == 0: rb.set_tag("t", "x" * 500)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
assert interrupts > 50, interrupts
tell(logged)
"""
    )

    check(done.stdout, may_hold_more=True)


def test_interrupts_while_a_run_waits_for_its_store_do_not_stop_the_shipping(script: Script) -> None:
    done = script(
        BEGIN
        + """
logged = {"m": []}
interrupts = 0
def on_alarm(*_):
    raise KeyboardInterrupt
with rb.start_run():
    signal.signal(signal.SIGALRM, on_alarm)
    for step in range(300):
        rb.log_metric("m", step / 4, step=step)
        logged["m"].append(step)
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0001, 0.004))
            rb.flush()
        except (KeyboardInterrupt, RuntimeError):
            interrupts += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
    rb.flush()
assert interrupts > 20, interrupts
tell(logged)
"""
    )

    check(done.stdout)


def test_many_threads_log_to_one_run(script: Script) -> None:
    done = script(
        BEGIN
        + """
logged = {}
with rb.start_run() as run:
    def work(number):
        mine = logged[f"t{number}"] = []
        for step in range(2000):
            rb.log_metric(f"t{number}", step / 4, step=step)
            mine.append(step)
            rb.log_metric("all", (number * 2000 + step) / 4, step=number * 2000 + step)
            if step % 500 == 0: rb.set_tag(f"t{number}", "x" * step)
    threads = [threading.Thread(target=contextvars.copy_context().run, args=(work, n)) for n in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
logged["all"] = list(range(16000))
tell(logged)
"""
    )

    check(done.stdout)


def test_tasks_log_to_one_run(script: Script) -> None:
    done = script(
        BEGIN
        + """
logged = {}
async def work(number):
    for step in range(300):
        rb.log_metrics({f"t{number}": step / 4, f"u{number}": step / 4}, step=step)
        if step % 7 == 0: await asyncio.sleep(0)
    logged[f"t{number}"] = logged[f"u{number}"] = list(range(300))
async def main():
    with rb.start_run():
        await asyncio.gather(*(work(number) for number in range(10)))
asyncio.run(main())
tell(logged)
"""
    )

    check(done.stdout)


def test_a_parent_and_children_forked_in_the_middle_of_logging_log_to_one_run(script: Script) -> None:
    done = script(
        BEGIN
        + """
logged = {}
with rb.start_run() as run:
    stop = threading.Event()
    def other():
        step = 0
        while not stop.is_set():
            rb.log_metric("other", step / 4, step=step, run_id=run.info.run_id)
            step += 1
        logged["other"] = list(range(step))
    thread = threading.Thread(target=other)
    thread.start()
    children = []
    for number in range(6):
        for step in range(200):
            rb.log_metric("parent", (number * 200 + step) / 4, step=number * 200 + step)
        child = os.fork()
        if child == 0:
            for step in range(300):
                rb.log_metric(f"child{number}", step / 4, step=step)
            if number % 2: rb.flush()
            os._exit(0)
        children.append(child)
        logged[f"child{number}"] = list(range(300))
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)
    stop.set()
    thread.join()
logged["parent"] = list(range(1200))
tell(logged)
"""
    )

    check(done.stdout)


EIGHT = """
import json, sys
import runebook as rb
number = int(sys.argv[1])
with rb.start_run(run_id="1" * 32, shared=True):
    for step in range(4000):
        rb.log_metric(f"p{number}", step / 4, step=step)
        rb.log_metric("all", (number * 4000 + step) / 4, step=number * 4000 + step)
    rb.log_param(f"p{number}", number)
"""


def test_eight_processes_write_one_run_in_one_sqlite_file(script: Script) -> None:
    script(
        f"""
import subprocess, sys
processes = [subprocess.Popen([sys.executable, "-c", {EIGHT!r}, str(number)]) for number in range(8)]
assert [process.wait() for process in processes] == [0] * 8
"""
    )

    expected = {f"p{number}": list(range(4000)) for number in range(8)} | {"all": list(range(32000))}
    check(json.dumps(expected))
    run = rb.get_run("1" * 32)
    assert run.info.status == "FINISHED"
    assert run.data.params == {f"p{number}": str(number) for number in range(8)}


def test_sigterm_in_a_storm_of_logging_still_kills_the_run(script: Script) -> None:
    done = script(
        """
import os, signal, subprocess, sys, time
PROGRAM = '''
import runebook as rb
with rb.start_run():
    print("ready", flush=True)
    for step in range(10**9): rb.log_metrics({"a": 0.5, "b": 0.5}, step=step)
'''
codes = []
for turn in range(6):
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    time.sleep(0.02 + turn / 77)
    process.send_signal(signal.SIGTERM)
    codes.append(process.wait(30))
assert codes == [-signal.SIGTERM] * 6, codes
"""
    )

    assert done.stderr == ""
    assert [run.info.status for run in rb.search_runs(output_format="list")] == ["KILLED"] * 6
