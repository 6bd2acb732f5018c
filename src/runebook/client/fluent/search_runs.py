"""Search of runs, as a pandas frame or as a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from runebook.client.client import Client
from runebook.client.entities import Run, ViewType
from runebook.client.extras import require
from runebook.client.fluent.experiments import current_experiment_id
from runebook.client.values import texts
from runebook.config import Settings
from runebook.core.errors import InvalidParameterValue

if TYPE_CHECKING:
    import pandas as pd

PAGE = 10_000
DEFAULT_MAX_RESULTS = 100_000


@overload
def search_runs(
    experiment_ids: list[str] | None = None,
    filter_string: str = "",
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = DEFAULT_MAX_RESULTS,
    order_by: list[str] | None = None,
    output_format: Literal["pandas"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: list[str] | None = None,
) -> pd.DataFrame: ...


@overload
def search_runs(
    experiment_ids: list[str] | None = None,
    filter_string: str = "",
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = DEFAULT_MAX_RESULTS,
    order_by: list[str] | None = None,
    *,
    output_format: Literal["list"],
    search_all_experiments: bool = False,
    experiment_names: list[str] | None = None,
) -> list[Run]: ...


def search_runs(
    experiment_ids: list[str] | None = None,
    filter_string: str = "",
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = DEFAULT_MAX_RESULTS,
    order_by: list[str] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
    search_all_experiments: bool = False,  # MLflow's signature
    experiment_names: list[str] | None = None,
) -> list[Run] | pd.DataFrame:
    """Runs of the given experiments, else of the active one, that match the filter; by default the latest first.

    As a frame: columns run_id, experiment_id, status, artifact_uri, start_time, end_time (UTC), then `metrics.*`,
    `params.*` and `tags.*`; what a run does not have is NaN for metrics and None else.

    Raises:
        MissingExtra: a frame was asked for and pandas is not installed.

    """
    if output_format not in {"pandas", "list"}:
        raise InvalidParameterValue(f"Unsupported output format: {output_format!r}. Use 'pandas' or 'list'.")
    pandas = require("pandas", extra="pandas", other_way='output_format="list"') if output_format == "pandas" else None
    client = Client()
    chosen = _experiments(client, experiment_ids, experiment_names, is_all=search_all_experiments)
    runs: list[Run] = []
    token: str | None = None
    while chosen and len(runs) < max_results:
        page = client.search_runs(
            chosen, filter_string, run_view_type, min(PAGE, max_results - len(runs)), order_by, token
        )
        runs.extend(page)
        token = page.token
        if not token:
            break
    return runs if pandas is None else runs_frame(pandas, runs)


def runs_frame(pandas: Any, runs: list[Run]) -> pd.DataFrame:
    """One row a run, in order."""
    columns: dict[str, Any] = {
        name: [getattr(run.info, name) for run in runs]
        for name in ("run_id", "experiment_id", "status", "artifact_uri")
    }
    for name in ("start_time", "end_time"):
        columns[name] = pandas.to_datetime([getattr(run.info, name) for run in runs], unit="ms", utc=True)
    for kind, missing in (("metrics", float("nan")), ("params", None), ("tags", None)):
        logged = [getattr(run.data, kind) for run in runs]
        for key in dict.fromkeys(key for of_run in logged for key in of_run):
            values = [of_run.get(key, missing) for of_run in logged]
            columns[f"{kind}.{key}"] = values if kind == "metrics" else pandas.Series(values, dtype=object)
    frame: pd.DataFrame = pandas.DataFrame(columns)
    return frame


def _experiments(
    client: Client, ids: list[str] | None, experiment_names: list[str] | None, *, is_all: bool
) -> list[str]:
    if ids and experiment_names:
        raise InvalidParameterValue("Give either 'experiment_ids' or 'experiment_names'.")
    if ids:
        return texts(ids)
    if experiment_names:
        found = [client.get_experiment_by_name(name) for name in texts(experiment_names)]
        return [experiment.experiment_id for experiment in found if experiment is not None]
    if is_all:
        return _all_experiments(client)
    return [current_experiment_id(client, Settings.read())]


def _all_experiments(client: Client) -> list[str]:
    found: list[str] = []
    token: str | None = None
    while True:
        page = client.search_experiments(ViewType.ACTIVE_ONLY, page_token=token)
        found.extend(experiment.experiment_id for experiment in page)
        token = page.token
        if not token:
            return found
