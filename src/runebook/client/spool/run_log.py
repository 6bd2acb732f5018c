"""Logging to one store through this process's spool."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from runebook.api.frames import Refusal, RunPart, RunStart
from runebook.api.logged_models import GetLoggedModel
from runebook.api.operation import Operation
from runebook.api.runs import GetRun
from runebook.client.spool.artifacts import KeptFiles
from runebook.client.spool.courier import Courier, Delivery
from runebook.client.spool.delivery import RunIds, delivery_to
from runebook.client.spool.folder import make_folder, spool_root
from runebook.client.spool.inheriting import Inheriting
from runebook.client.spool.leases import Leases, LeasingDelivery
from runebook.client.spool.recorder import Recorder
from runebook.client.spool.shipper import Shipper
from runebook.client.spool.spool import Spool
from runebook.client.spool.waiting import Waiting, left_in_words
from runebook.client.transport import Transport
from runebook.config import SpoolSettings
from runebook.core.datasets import DatasetInput, ModelInput, ModelOutput
from runebook.core.errors import InvalidParameterValue, RunebookError, TemporarilyUnavailable, error_from_code
from runebook.core.experiments import LifecycleStage
from runebook.core.ids import ModelId, RunId, new_writer_id
from runebook.core.metrics import Metric
from runebook.core.params import Param
from runebook.core.runs import RunStatus
from runebook.core.tags import Tag

if TYPE_CHECKING:
    from runebook.artifacts.base import ArtifactStore

LAST_WORD_SECONDS = 3.0
"""How long a process that was told to stop may still ship, and one that ends what others left."""

SHORT_SECONDS = 0.5
REMEMBER_SECONDS = 60.0
"""How long a run that has ended is remembered: by then nobody is in the middle of logging to it."""

_logger = logging.getLogger("runebook.spool")


class SpooledLog:
    """See `RunLog`. What is logged is on the disk when a call returns, and in the store soon after."""

    def __init__(self, transport: Transport, settings: SpoolSettings, on_open: Callable[[], None]) -> None:
        """`on_open` is called when this process gets its spool, so that something waits for it when it ends."""
        self._on_open = on_open
        self._transport = transport
        self._settings = settings
        self._lock = threading.RLock()
        self._recorders: dict[str, Recorder] = {}
        self._leases = Leases(settings.lease_ms)
        self._ended: dict[str, float] = {}
        """When runs ended that are still remembered."""
        self._forgotten: set[str] = set()
        self._spool: Spool | None = None
        self._shipper: Shipper | None = None
        self._inheriting = Inheriting(lambda: self.root, transport)
        self._has_forked = False
        self._has_given_up = False
        self._away: RunebookError | None = None
        """Why the store could not be reached before there was anything to ship."""
        self._run_ids = RunIds(dict, lambda _: None)
        self._files = KeptFiles(transport)

    @property
    def root(self) -> Path:
        return spool_root(self._settings.directory)

    @property
    def is_offline(self) -> bool:
        return self._settings.is_offline

    @property
    def is_away(self) -> bool:
        """Whether the store could not be reached when it was last tried, or is not to be."""
        if self.is_offline:
            return True
        return self._away is not None if self._shipper is None else self._shipper.failures > 0

    def note_away(self, error: RunebookError) -> bool:
        """The store cannot be reached. Returns whether that is news."""
        is_news = not self.is_away
        if self._shipper is None:
            self._away = error
        return is_news

    # --- what is logged ---

    def metric(self, run_id: RunId, metric: Metric) -> None:
        self.recorder(run_id).batch([metric])

    def param(self, run_id: RunId, param: Param) -> None:
        self.recorder(run_id).batch(params=[param])

    def tag(self, run_id: RunId, tag: Tag) -> None:
        self.recorder(run_id).batch(tags=[tag])

    def batch(
        self, run_id: RunId, metrics: Sequence[Metric] = (), params: Sequence[Param] = (), tags: Sequence[Tag] = ()
    ) -> None:
        self.recorder(run_id).batch(metrics, params, tags)

    def inputs(self, run_id: RunId, datasets: Sequence[DatasetInput], models: Sequence[ModelInput]) -> None:
        self.recorder(run_id).inputs(datasets, models)

    def outputs(self, run_id: RunId, models: Sequence[ModelOutput]) -> None:
        self.recorder(run_id).outputs(models)

    def status(self, run_id: RunId, status: RunStatus, end_time: int | None = None, *, leaves: bool = False) -> None:
        with self._lock:
            if status.is_terminated:
                self._leases.release(run_id)  # so that no lease is written behind the end
            self.recorder(run_id).status(status, end_time, leaves=leaves)

    def keep_files(self, run_id: str) -> tuple[ArtifactStore, str]:
        """Where files of a run are put while its store is away, as `Transport.artifacts` gives it."""
        return self._files.keep(self._opened_spool().folder.path, run_id)

    # --- the runs ---

    def recorder(self, run_id: RunId) -> Recorder:
        """The way into a run; one that this process has not seen before must exist.

        Raises:
            NotFound: there is no such run.
            InvalidParameterValue: it is in the trash.

        """
        found = self._recorders.get(run_id)
        return self.begin(run_id, self._params_of(run_id)) if found is None else found

    def begin(self, run_id: RunId, params: dict[str, str]) -> Recorder:
        """Take in a run that exists and has these params."""
        with self._lock:
            return self._recorders.setdefault(run_id, Recorder(run_id, params, self._opened_spool, self._check_model))

    def start(self, run_id: RunId, start: RunStart) -> Recorder:
        """Start a run here, which the store makes when this is shipped."""
        recorder = self.begin(run_id, {})
        recorder.spool.part(RunPart(run_id=run_id, start=start))
        return recorder

    def take_in(self, run_id: RunId, params: dict[str, str]) -> Recorder:
        """See `RunLog`. That this process is at work on the run is said from now on, again and again."""
        recorder = self.begin(run_id, params)
        if not self.is_offline:  # nobody would hear it in time
            recorder.spool.part(self._leases.hold(run_id))
        with self._lock:
            self._ended.pop(run_id, None)
        return recorder

    def finish(self, run_id: RunId) -> None:
        """See `RunLog`."""
        self._leases.release(run_id)
        with self._lock:
            self._ended[run_id] = time.monotonic()
        self.wait_or_say(with_progress=True)

    def wait_or_say(self, *, with_progress: bool = False) -> None:
        """Wait for the store; when it does not take everything, say where the rest lies."""
        if self._spool is not None and self._spool.is_interrupted():
            return  # what the signal came into has to go on first
        if not self.wait(self._gave_up_seconds(), with_progress=with_progress) and not self.is_offline:
            self._has_given_up = True
            _logger.warning("%s", self.rest_in_words())

    def leave(self) -> None:
        """The last that this process does: wait for the store, and ship some of what others left."""
        self.wait_or_say(with_progress=True)
        if self._spool is not None and not self.has_more and not self.is_offline:
            self._inheriting.ship_all(LAST_WORD_SECONDS)

    def _gave_up_seconds(self) -> float | None:
        """Who waited in vain does not wait long for the next run, until the store takes something."""
        if self._shipper is not None and not self._shipper.failures:
            self._has_given_up = False
        return SHORT_SECONDS if self._has_given_up else None

    def forget(self, run_id: str) -> None:
        """Ask the store about this run when it is logged to again."""
        self._leases.release(run_id)
        with self._lock:
            found = self._recorders.pop(run_id, None)
        if found is not None:
            found.unbind()

    def addressed(self, operation: Operation) -> Operation:
        """See `RunLog`."""
        run_id = getattr(operation, "run_id", None)
        if isinstance(run_id, str) and self._run_ids.of(run_id) != run_id:
            return msgspec.structs.replace(operation, run_id=self._run_ids.of(run_id))
        return operation

    # --- waiting ---

    @property
    def has_more(self) -> bool:
        """Whether something is not in the store yet."""
        return self._spool is not None and self._spool.acknowledged < self._spool.written()

    def flush(self, seconds: float | None = None) -> None:
        """Wait until the store has everything; offline, it is not waited for.

        Args:
            seconds: how long to wait; by default for as long as the store takes something now and then.

        Raises:
            TemporarilyUnavailable: it has not. The rest stays in the spool.
            RunebookError: it refused something; all else is there.

        """
        if self.is_offline:
            return
        if not self.wait(seconds):
            raise TemporarilyUnavailable(self.rest_in_words())
        refused = self.take_refused()
        if refused:
            raise error_from_code(refused[0].error_code, refused[0].message)

    def settle(self) -> None:
        """See `RunLog`."""
        if (self.has_more or self._files.are_there or self._has_forked) and not self.is_offline and not self.wait():
            raise TemporarilyUnavailable(self.rest_in_words())

    def wait(self, seconds: float | None = None, *, with_progress: bool = False) -> bool:
        """As `flush`, but returns whether the store has everything."""
        is_shipped = self._wait(seconds, with_progress=with_progress)
        if is_shipped and self._has_forked and not self.is_offline:
            self._inheriting.ship_all(None)
        return is_shipped

    def _wait(self, seconds: float | None, *, with_progress: bool) -> bool:
        spool, shipper = self._spool, self._shipper
        if spool is None or not (self.has_more or self._files.are_there):
            return True
        if self.is_offline or spool.is_interrupted():
            return False
        if shipper is None:
            return self._ship_here(spool) and self._files.upload(spool.folder.path, self._run_ids)
        waiting = Waiting(spool, shipper, self._settings.patience_seconds, with_progress=with_progress)
        return waiting.until_shipped(seconds) and self._files.upload(spool.folder.path, self._run_ids)

    def take_refused(self) -> list[Refusal]:
        """What the store refused since this was asked last; all of it is in the log too."""
        if self._shipper is None or not self._shipper.refused:
            return []
        refused, self._shipper.refused = self._shipper.refused, []
        return refused

    def rest_in_words(self) -> str:
        """What is not in the store, where it lies, and what brings it there."""
        if self._spool is None:
            return "Everything is in the store."
        count = self._spool.written() - self._spool.acknowledged
        return left_in_words(
            f"{count} records and files" if self._files.are_there else f"{count} records",
            self._spool.folder.path,
            self._shipper.failure if self._shipper is not None else None,
        )

    def puts_off(self, again: Callable[[], object]) -> bool:
        """See `RunLog`."""
        spool = self._spool
        if spool is None or not spool.is_interrupted():
            return False
        threading.Thread(target=spool.when_free, args=(again,), daemon=True).start()
        return True

    def last_word(self) -> None:
        """For a signal handler: a little time for what was logged last."""
        self.wait(LAST_WORD_SECONDS)

    # --- the process ---

    def close(self) -> None:
        """Stop shipping. What is left stays on the disk."""
        with self._lock:
            spool, shipper = self._spool, self._shipper
            self._spool, self._shipper = None, None
            for recorder in self._recorders.values():
                recorder.unbind()
        if shipper is not None:
            shipper.stop()
        if spool is not None:
            spool.close()

    def after_fork_in_parent(self) -> None:
        """A child that leaves by `os._exit` leaves a spool, which this process ships."""
        self._has_forked = True

    def after_fork_in_child(self) -> None:
        """The spool and the thread are the parent's; this process gets its own when it logs something."""
        self._lock = threading.RLock()
        spool, self._spool, self._shipper = self._spool, None, None
        self._leases = Leases(self._settings.lease_ms)
        self._has_forked = False
        self._inheriting = Inheriting(lambda: self.root, self._transport)
        for recorder in self._recorders.values():
            recorder.unbind()
        if spool is not None:
            spool.folder.abandon()

    def _opened_spool(self) -> Spool:
        with self._lock:
            if self._spool is None:
                is_shipped = not self.is_offline
                folder = make_folder(self.root, new_writer_id(), self._transport.uri, is_shipped=is_shipped)
                limit = self._settings.limit_bytes
                self._spool = Spool(folder, limit_bytes=limit, is_shipped=is_shipped, kept=self._leases.all)
                self._run_ids = RunIds(folder.read_run_ids, folder.write_run_ids, self._run_ids.given)
                if is_shipped:
                    self._start_shipper(self._spool)
                self._on_open()
            return self._spool

    def _start_shipper(self, spool: Spool) -> None:
        shipper = Shipper(spool, self._connect, self._turn, self._away)
        try:
            shipper.start()
        except RuntimeError:  # the interpreter is going down: whoever waits ships
            return
        self._shipper = shipper

    def _connect(self) -> Delivery:
        return LeasingDelivery(delivery_to(self._transport.for_shipping(), self._run_ids), self._leases)

    def _ship_here(self, spool: Spool) -> bool:
        courier = Courier(spool, self._connect())
        try:
            while courier.ship() is not None:
                pass
        except RunebookError as error:
            _logger.warning("%s", error)
        return not self.has_more

    def _turn(self) -> None:
        """What the shipper does beside shipping."""
        now = time.monotonic()
        self._write_lease()
        if not self.has_more:
            self._forget_ended(now - REMEMBER_SECONDS)
            if not self._leases.any_held():  # while a run goes on, its training needs the processor more
                self._transport.upkeep()
        self._inheriting.ship_some(now, may_begin=not self.has_more)

    def _forget_ended(self, before: float) -> None:
        """Of runs that ended a while ago nobody logs any more: a process may make very many of them."""
        with self._lock:
            ended = {run_id for run_id, at in self._ended.items() if at < before}
            for run_id in ended:
                del self._ended[run_id]
        for run_id in ended:
            self.forget(run_id)
        self._forgotten |= ended
        if self._forgotten and self._spool is not None and self._spool.forget_names(self._forgotten):
            self._forgotten = set()

    def _write_lease(self) -> None:
        """When nothing is shipped that says so. In each segment stand all of them, see `Spool`, so that whoever finds a
        part of this spool knows which runs nobody ended.
        """
        spool = self._spool
        if spool is None or self.has_more or not self._lock.acquire(blocking=False):
            return  # next time: who has it may wait for this thread to ship something
        try:
            due = self._leases.first_due()
            if due is not None:
                spool.part(due)
        finally:
            self._lock.release()

    def _params_of(self, run_id: RunId) -> dict[str, str]:
        """Of a run that this process has not seen before."""
        if self.is_away:
            return {}
        reply: Any = self._transport.call(GetRun(run_id=run_id))
        if reply.run.info.lifecycle_stage is not LifecycleStage.ACTIVE:
            raise InvalidParameterValue(f"The run {run_id} must be in the 'active' state. Current state is deleted.")
        return {param.key: param.value for param in reply.run.data.params}

    def _check_model(self, model_id: str) -> None:
        if not self.is_away:
            self._transport.call(GetLoggedModel(model_id=ModelId(model_id)))
