"""Times many points from the first `log_metric` until all are in the store. Run by a peer's own Python.

Runebook and MLflow are asked afterwards, outside the time, whether all points are there.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from trackers import Started, started

_LOOP = """
def timed(points, until):
    for step in range(points):
        value = step / 7
        {call}
        if not step & 127 and clock() > until:
            return step + 1
    return points
"""


def stored(tracker: Started, run_id: str) -> int:
    client: Any = tracker.module.MlflowClient()
    return len(client.get_metric_history(run_id, "loss"))


def main() -> None:
    points, seconds = int(sys.argv[2]), float(sys.argv[3])
    tracker = started()
    timed = tracker.function(_LOOP.format(call=tracker.source.one), clock=time.perf_counter)
    asked = tracker.name in ("runebook", "mlflow")
    run_id = tracker.module.active_run().info.run_id if asked else ""
    begun = time.perf_counter()
    logged = timed(points, begun + seconds)
    returned_s = time.perf_counter() - begun
    tracker.finish()
    found = {"points": logged, "returned_s": returned_s, "seconds": time.perf_counter() - begun}
    if asked and stored(tracker, run_id) != logged:
        raise RuntimeError(f"{logged} points were logged, {stored(tracker, run_id)} are in the store")
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
