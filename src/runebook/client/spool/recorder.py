"""What one process logs to one run, on its way into the spool."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runebook.api.frames import RunPart
from runebook.client.spool.names import SeriesName
from runebook.client.spool.spool import Spool
from runebook.core import checks
from runebook.core.dataset_checks import check_inputs, check_outputs
from runebook.core.datasets import DatasetInput, ModelInput, ModelOutput
from runebook.core.ids import RunId
from runebook.core.metrics import Metric
from runebook.core.params import Param, param_conflict
from runebook.core.runs import RunStatus
from runebook.core.tags import Tag


class Recorder:
    """Checks what is logged as a store would, so that a mistake is an error at once, and puts it into the spool.

    Args:
        run_id: a run that exists, or is started by the spool itself.
        params: those that the run has already.
        open_spool: gives this process's spool.
        check_model: raises NotFound for a logged model that does not exist.

    """

    __slots__ = (
        "_check_model",
        "_models",
        "_open_spool",
        "_series",
        "_spool",
        "ids",
        "params",
        "point",
        "points",
        "quick",
        "run_id",
    )

    def __init__(
        self,
        run_id: RunId,
        params: dict[str, str],
        open_spool: Callable[[], Spool],
        check_model: Callable[[str], None],
    ) -> None:
        self.run_id = run_id
        self.params = params
        self.ids: dict[str, int] = {}
        """Ids of the series that have a key and nothing else."""
        self.quick: dict[str, int] = {}
        """Those of them that `log_metric` may take without looking at anything else."""
        self._series: dict[SeriesName, int] = {}
        self._models: set[str] = set()
        self._open_spool = open_spool
        self._check_model = check_model
        self._spool: Spool | None = None

    @property
    def spool(self) -> Spool:
        if self._spool is None:
            self._spool = self._open_spool()
            self.point = self._spool.point
            self.points = self._spool.points
        return self._spool

    def unbind(self) -> None:
        """Forget the spool: the run was forked into another process, which has its own; or it has ended."""
        self.quick.clear()
        self.ids.clear()
        self._series.clear()
        self._spool = None

    def batch(self, metrics: Sequence[Metric] = (), params: Sequence[Param] = (), tags: Sequence[Tag] = ()) -> None:
        """All of these or, when something in them is wrong, none. A param that the run has already is left.

        Raises:
            InvalidParameterValue: a key, value, time, step or dataset that no store takes, or a param that the run
                has with another value.
            NotFound: no such logged model.

        """
        checks.check_metrics(metrics)
        checks.check_tags(tags)
        fresh = self._fresh(params)
        series = [self._series_of(metric) for metric in metrics]
        spool = self.spool
        if fresh:
            spool.part(RunPart(run_id=self.run_id, params=fresh))
            self.params.update({param.key: param.value for param in fresh})
        for number, metric in zip(series, metrics, strict=True):
            spool.point(number, metric.step, metric.timestamp, metric.value)
        if tags:
            spool.part(RunPart(run_id=self.run_id, tags=list(tags)))

    def _fresh(self, params: Sequence[Param]) -> list[Param]:
        """Those that the run does not have yet, each once."""
        given: dict[str, str] = {}
        for place, param in enumerate(params):
            checks.check_key(param.key, f"params[{place}].key")
            checks.check_value(param.value, f"params[{place}].value")
            there = self.params.get(param.key, given.get(param.key))
            if there is not None and there != param.value:
                raise param_conflict(param, there, self.run_id)
            given[param.key] = param.value
        return [Param(key=key, value=value) for key, value in given.items() if key not in self.params]

    def inputs(self, datasets: Sequence[DatasetInput], models: Sequence[ModelInput]) -> None:
        """Raises InvalidParameterValue: a name, digest or text that no store takes."""
        check_inputs(datasets, models)
        self.spool.part(RunPart(run_id=self.run_id, datasets=list(datasets), models=list(models)))

    def outputs(self, models: Sequence[ModelOutput]) -> None:
        """Raises InvalidParameterValue: an id or step that no store takes."""
        check_outputs(models, "models")
        self.spool.part(RunPart(run_id=self.run_id, outputs=list(models)))

    def status(self, status: RunStatus, end_time: int | None, *, leaves: bool = False) -> None:
        self.spool.part(RunPart(run_id=self.run_id, status=status, end_time=end_time, leaves=leaves))

    def _series_of(self, metric: Metric) -> int:
        name = SeriesName(self.run_id, metric.key, metric.model_id, metric.dataset_name, metric.dataset_digest)
        found = self._series.get(name)
        if found is not None:
            return found
        if metric.model_id and metric.model_id not in self._models:
            self._check_model(metric.model_id)
            self._models.add(metric.model_id)
        number = self.spool.series_id(name)
        self._series[name] = number
        if name[2:] == (None, None, None):
            self.ids[metric.key] = number
        return number
