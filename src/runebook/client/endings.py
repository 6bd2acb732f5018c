"""Ends open runs when the process goes: by SIGTERM, by an uncaught error, or by coming to its end."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType, TracebackType
from typing import Any

from runebook.client import active_run
from runebook.client.interruption import when_uninterrupted
from runebook.core.errors import RunebookError
from runebook.core.runs import RunStatus

_logger = logging.getLogger("runebook.runs")

Handler = Callable[[int, FrameType | None], Any]


class Endings:
    """What is hooked into the interpreter while a run is open. Each hook calls the one that was there before."""

    def __init__(self) -> None:
        self._is_watching_exit = False
        self._has_crashed = False
        self._children_watched: set[int] = set()
        self._is_watching_signal = False
        self._former_signal: Any = None
        self._former_excepthook = sys.excepthook
        self._former_thread_hook = threading.excepthook

    def watch(self) -> None:
        """Called when a run is opened."""
        if not self._is_watching_exit:
            self._is_watching_exit = True
            atexit.register(self._at_exit)
            self._former_excepthook, sys.excepthook = sys.excepthook, self._on_crash
            self._former_thread_hook, threading.excepthook = threading.excepthook, self._on_thread_crash
        self._watch_child_process()
        if not self._is_watching_signal and _is_main_thread():
            former = signal.getsignal(signal.SIGTERM)
            if former is not None and former is not signal.SIG_IGN:  # None: somebody's C code handles it
                self._former_signal = former
                signal.signal(signal.SIGTERM, self._on_sigterm)
                self._is_watching_signal = True

    def unwatch_signal(self) -> None:
        """Called when no run is open any more: the handler that was there before comes back, if ours is still set."""
        if self._is_watching_signal and _is_main_thread():
            if signal.getsignal(signal.SIGTERM) == self._on_sigterm:
                signal.signal(signal.SIGTERM, self._former_signal)
            self._is_watching_signal = False

    def _watch_child_process(self) -> None:
        """A child of `multiprocessing` leaves without running what `atexit` holds."""
        multiprocessing = sys.modules.get("multiprocessing.process")
        if multiprocessing is None or multiprocessing.parent_process() is None or os.getpid() in self._children_watched:
            return
        from multiprocessing.util import Finalize

        self._children_watched.add(os.getpid())
        Finalize(None, self._at_exit, exitpriority=100)
        self._watch_child_crash()

    def _watch_child_crash(self) -> None:
        """From Python 3.13 on, a child ends after its error was printed and forgotten; so see it printed."""
        import inspect
        import traceback

        print_error = traceback.print_exc

        def print_and_note(*args: Any, **kwargs: Any) -> None:
            frame = inspect.currentframe()
            if frame is not None and frame.f_back is not None and frame.f_back.f_code.co_name == "_bootstrap":
                self._has_crashed = True
            print_error(*args, **kwargs)

        traceback.print_exc = print_and_note

    def _at_exit(self) -> None:
        has_crashed = self._has_crashed or sys.exc_info()[0] is not None
        active_run.end_all(RunStatus.FAILED if has_crashed else RunStatus.FINISHED)

    def _on_crash(self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        self._has_crashed = True
        self._former_excepthook(kind, error, traceback)

    def _on_thread_crash(self, args: threading.ExceptHookArgs) -> None:
        thread_id = args.thread.ident if args.thread is not None else None
        if args.exc_type is not SystemExit:
            active_run.end_all(RunStatus.FAILED, thread_id=thread_id)
        self._former_thread_hook(args)

    def _on_sigterm(self, number: int, frame: FrameType | None) -> None:
        again = partial(signal.pthread_kill, threading.main_thread().ident or 0, number)
        if any(log.puts_off(again) for log in {open_run.client.log for open_run in active_run.open_runs.values()}):
            return
        when_uninterrupted(lambda: self._terminate(number, frame))

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        """Write KILLED, then do what would have been done without us."""
        for open_run in reversed(list(active_run.open_runs.values())):
            if open_run.is_own:
                try:
                    open_run.kill()
                except RunebookError as error:
                    _logger.warning("Run %s could not be ended as KILLED: %s", open_run.run_id, error)
        if callable(self._former_signal):
            self._former_signal(number, frame)
            return
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


endings = Endings()
active_run.idle_listeners.append(endings.unwatch_signal)
