"""Times the first `start_run` in this empty directory and the next ones. Run by a peer's own Python."""

import importlib
import json
import statistics
import sys
import time

_NEXT = 10

tracker = importlib.import_module(sys.argv[1])
times = []
for _ in range(1 + _NEXT):
    started = time.perf_counter()
    tracker.start_run()
    times.append((time.perf_counter() - started) * 1000)
    tracker.end_run()
print(json.dumps({"first_ms": times[0], "next_ms": statistics.median(times[1:])}))
