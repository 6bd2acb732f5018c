"""How a script uses each tracker, as source: what is timed is the call that a script makes, and no wrapper around it.

What they do beside logging (statistics of the machine, capture of the console) is off, as is all that would leave it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple


class Tracker(NamedTuple):
    """Source in which `value` is a number, `values` a dict of 20 of them and `step` their step.

    `flush` waits until what was logged is shipped: where the tracker has no such call, for as long as it may take.
    """

    start: str
    one: str
    twenty: str
    flush: str
    finish: str


_MODULE_LEVEL = Tracker(
    start="tracker.start_run()",
    one="tracker.log_metric('loss', value, step=step)",
    twenty="tracker.log_metrics(values, step=step)",
    flush="",
    finish="tracker.end_run()",
)
TRACKERS = {
    "runebook": _MODULE_LEVEL._replace(flush="tracker.flush()"),
    "mlflow": _MODULE_LEVEL,
    "trackio": Tracker(
        start="tracker.init(project='bench', auto_log_gpu=False, auto_log_cpu=False)",
        one="tracker.log({'loss': value}, step=step)",
        twenty="tracker.log(values, step=step)",
        flush="import time; time.sleep(1)",
        finish="tracker.finish()",
    ),
    "aim": Tracker(
        start="run = tracker.Run(system_tracking_interval=None, log_system_params=False, capture_terminal_logs=False)",
        one="run.track(value, name='loss', step=step)",
        twenty="run.track(values, step=step)",
        flush="",
        finish="run.close()",
    ),
    "wandb": Tracker(
        start="run = tracker.init(project='bench', settings=tracker.Settings(console='off', x_disable_stats=True))",
        one="run.log({'loss': value}, step=step)",
        twenty="run.log(values, step=step)",
        flush="import time; time.sleep(1)",
        finish="run.finish()",
    ),
}


class Started:
    """A tracker with a run under way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.source = TRACKERS[name]
        self._names: dict[str, Any] = {}
        exec(f"import {name} as tracker\n{self.source.start}", self._names)  # the source above

    @property
    def module(self) -> Any:
        return self._names["tracker"]

    def function(self, text: str, **names: Any) -> Callable[..., Any]:
        """The function `timed` that a source text defines, with the tracker in reach."""
        space = self._names | names
        exec(text, space)  # the sources of these programs
        found: Callable[..., Any] = space["timed"]
        return found

    def flush(self) -> None:
        """Wait for what is under way, where there is such a thing."""
        exec(self.source.flush, self._names)

    def finish(self) -> None:
        exec(self.source.finish, self._names)


def started() -> Started:
    """The tracker that the command line names. Its words go to stderr: the last line of stdout is the result."""
    if "BENCH_NUMPY" in os.environ:
        sys.path.append(os.environ["BENCH_NUMPY"])
    return Started(sys.argv[1])
