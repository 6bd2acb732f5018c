"""Threads that decode a type for the first time at the same moment."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys, threading
from runebook.api import codec
from runebook.api.runs import CreateRun, GetRun
sys.setswitchinterval(1e-6)
info = b'{"run_id":"a","run_uuid":"a","experiment_id":"0","status":"RUNNING","lifecycle_stage":"active"}'
body = b'{"run":{"info":' + info + b',"data":{"tags":[{"key":"a","value":"b"}]}}}'
together = threading.Barrier(8)
def decode():
    together.wait()
    for operation in (CreateRun, GetRun) * 10:
        try:
            codec.decode_reply(operation, body)
        except codec.DecodeError:
            pass  # of a field that is not there: what matters is that the process lives
threads = [threading.Thread(target=decode) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("done")
"""


def test_they_do_not_crash_the_process() -> None:
    for _ in range(5):  # without the lock, nine of ten crash
        done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
