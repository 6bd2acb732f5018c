"""The runs that this process has open, and which of them is the active one.

The stack of open runs is a context variable. A new thread starts with none; an asyncio task starts with those of the
code that made it, and what it opens is its own; a forked child sees its parent's runs and may log to them, but
cannot end them.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from runebook.client.client import Client
from runebook.client.entities import Run
from runebook.client.spool.recorder import Recorder
from runebook.core.clock import now_ms
from runebook.core.errors import RunebookError
from runebook.core.ids import RunId
from runebook.core.runs import RunStatus

GIT_PATIENCE_SECONDS = 10.0

_logger = logging.getLogger("runebook.runs")


class OpenRun:
    """A run that this process started or resumed, and has not ended."""

    def __init__(self, run: ActiveRun, client: Client) -> None:
        self.run = run
        self.client = client
        self.is_shared = False
        """Whether other processes write to it too, and the last of them to leave ends it."""
        self.recorder = client.log.take_in(self.run_id, dict(run.data.params))
        self.pid = os.getpid()
        self.thread_id = threading.get_ident()
        self.outputs_by_step: dict[int, list[str]] = {}
        """Logged models that the run wrote, which its metrics of the same step belong to."""
        self.is_noted = threading.Event()
        """Set when nothing more is to be written about the start, such as git's state."""
        self.ended: tuple[RunStatus, int] | None = None
        """How and when this process ended it."""
        self._is_ended = False
        self._is_killed = False

    @property
    def run_id(self) -> RunId:
        return RunId(self.run.info.run_id)

    @property
    def is_open(self) -> bool:
        return not self._is_ended

    @property
    def is_own(self) -> bool:
        """Whether this process started it; a forked child has it from its parent."""
        return self.pid == os.getpid()

    def take_up(self, *, is_shared: bool) -> None:
        """Go on with a run that was there. Of a shared one the others may leave from now on: this process holds it."""
        self.is_shared = is_shared
        self.is_noted.set()
        if is_shared:
            self.client.log.last_word()

    def end(self, status: RunStatus) -> None:
        """Write the status and the time, once. In a forked child only forget the run: its parent ends it."""
        if self._is_ended:
            return
        if self.is_own:
            if not self.is_noted.wait(GIT_PATIENCE_SECONDS):
                _logger.warning("Run %s ends without the state of git: reading it took too long.", self.run_id)
            final = RunStatus.KILLED if self._is_killed else status
            log = self.client.log
            end_time = now_ms()
            log.status(self.run_id, final, end_time, leaves=self.is_shared)
            log.finish(self.run_id)
            self.ended = (final, end_time)
        self._is_ended = True
        self.make_slow()
        open_runs.pop(id(self), None)

    def make_slow(self) -> None:
        """Let no `log_metric` go by what an earlier one found out, in whatever thread or task."""
        if self.recorder is not None:
            self.recorder.quick.clear()

    def kill(self) -> None:
        """Write KILLED from a signal handler. The run stays open for what the process may still log."""
        self._is_killed = True
        log = self.client.log
        log.status(self.run_id, RunStatus.KILLED, now_ms(), leaves=self.is_shared)
        log.last_word()


open_runs: dict[int, OpenRun] = {}
"""Of all threads and tasks, in the order they were opened."""

idle_listeners: list[Callable[[], None]] = []
"""Called when the last open run ended."""

_stack: ContextVar[tuple[OpenRun, ...]] = ContextVar("runebook_open_runs", default=())
quick: ContextVar[Recorder | None] = ContextVar("runebook_quick", default=None)
"""The way into the active run for `log_metric`, where nothing but key, value and step matters."""

_last_run_id: ContextVar[OpenRun | None] = ContextVar("runebook_last_run", default=None)


class ActiveRun(Run, frozen=True, dict=True):
    """A run that the block ends: `with start_run() as run: ...`. Its data are those of the start."""

    def __enter__(self) -> ActiveRun:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """FINISHED, or FAILED when the block raised: `sys.exit(0)` is no failure, an interrupt from the keyboard is.

        Runs that were opened inside of the block and left open end with it.
        """
        is_clean = kind is None or (isinstance(error, SystemExit) and error.code in {None, 0})
        open_run = self.__dict__.get("open_run")
        if open_run is not None:
            close(open_run, RunStatus.FINISHED if is_clean else RunStatus.FAILED)


def opened(run: Run, client: Client) -> OpenRun:
    """Put a run on the stack."""
    active = ActiveRun(run.info, run.data, run.inputs, run.outputs)
    open_run = OpenRun(active, client)
    active.__dict__["open_run"] = open_run
    open_runs[id(open_run)] = open_run
    quick.set(None)
    _stack.set((*stack(), open_run))
    _last_run_id.set(open_run)
    return open_run


def close(open_run: OpenRun, status: RunStatus) -> None:
    """End a run, and before it those of this context that were opened inside of it."""
    quick.set(None)
    opened_since = _stack.get()
    if open_run in opened_since:
        position = opened_since.index(open_run)
        for inner in reversed(opened_since[position + 1 :]):
            inner.end(status)
        _stack.set(opened_since[:position])
    open_run.end(status)
    if not open_runs:
        for listener in idle_listeners:
            listener()


def stack() -> tuple[OpenRun, ...]:
    """The runs of this context that are open, the active one last. One that another task ended is gone for all."""
    return tuple(open_run for open_run in _stack.get() if open_run.is_open)


def current() -> OpenRun | None:
    """The active run."""
    for open_run in reversed(_stack.get()):
        if open_run.is_open:
            return open_run
    return None


def last_opened() -> OpenRun | None:
    """The run that this context opened last, be it ended."""
    return _last_run_id.get()


def end_all(status: RunStatus, **only: Any) -> None:
    """End what this process has open, the innermost first; with `thread_id=...` only what that thread opened.

    What cannot be ended is said in the log: nothing else can be done about it when the process goes.
    """
    for open_run in reversed(list(open_runs.values())):
        if not open_run.is_own or any(getattr(open_run, name) != value for name, value in only.items()):
            continue
        try:
            open_run.end(status)
        except RunebookError as error:
            _logger.warning("Run %s could not be ended as %s: %s", open_run.run_id, status.value, error)
