"""Times `log_metric` call by call, on the default store of this empty directory. Run by a peer's own Python."""

import importlib
import json
import statistics
import sys
import time

_WARM_UP = 50
_MEASURED = 1000

tracker = importlib.import_module(sys.argv[1])
times = []
with tracker.start_run():
    for step in range(_WARM_UP + _MEASURED):
        started = time.perf_counter_ns()
        tracker.log_metric("loss", 1 / (step + 1), step=step)
        times.append(time.perf_counter_ns() - started)
print(json.dumps({"p50_us": statistics.median(times[_WARM_UP:]) / 1000}))
