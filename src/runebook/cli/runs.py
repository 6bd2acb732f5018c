"""`runebook runs`: commands on runs, with the option names of `mlflow runs`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from runebook.cli.options import (
    json_option,
    key_values,
    max_results_option,
    order_by_option,
    tags_option,
    takes_experiment,
    takes_run_id,
    view_option,
)
from runebook.cli.output import print_fields, print_json, print_table
from runebook.cli.records import metric_as_json, run_as_json, run_as_row, utc_text
from runebook.cli.session import Session, every_page, view_of

if TYPE_CHECKING:
    from runebook.client.entities import Experiment

COLUMNS = ("run_id", "run_name", "status", "start_time")


@click.group()
def runs() -> None:
    """Make, find and change runs."""


@runs.command("create")
@click.option("--run-name", help="Name; one is made up otherwise.")
@click.option("--description", help="What it is, in Markdown.")
@tags_option
@click.option(
    "--status",
    type=click.Choice(["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"], case_sensitive=False),
    default="FINISHED",
    show_default=True,
    help="Where it stands.",
)
@click.option("--parent-run-id", help="The run that it is a part of.")
@json_option
@click.pass_obj
@takes_experiment
def create(
    session: Session,
    *,
    experiment: Experiment,
    run_name: str | None,
    description: str | None,
    tags: tuple[str, ...],
    status: str,
    parent_run_id: str | None,
    as_json: bool,
) -> None:
    """Make a run and print its id."""
    given = {"mlflow.note.content": description, "mlflow.parentRunId": parent_run_id}
    all_tags = key_values(tags) | {key: value for key, value in given.items() if value is not None}
    if parent_run_id is not None:
        session.client.get_run(parent_run_id)
    made = session.client.create_run(experiment.experiment_id, tags=all_tags, run_name=run_name)
    if status in {"FINISHED", "FAILED", "KILLED"}:
        session.client.set_terminated(made.info.run_id, status)
    elif status != "RUNNING":
        session.client.update_run(made.info.run_id, status)
    if as_json:
        print_json(run_as_json(session.client.get_run(made.info.run_id)))
    else:
        click.echo(made.info.run_id)


@runs.command("search")
@click.option("--experiment-id", "-x", "experiment_ids", multiple=True, help="An experiment; may be given again.")
@click.option("--experiment-name", "-n", "experiment_names", multiple=True, help="The same, by name.")
@click.option("--filter", "filter_string", default="", help="Such as: metrics.loss < 0.1 AND params.depth = '4'.")
@order_by_option
@click.option("--columns", help="What to show, such as: run_name,metrics.loss,params.depth.")
@max_results_option
@view_option
@json_option
@click.pass_obj
def search(
    session: Session,
    *,
    experiment_ids: tuple[str, ...],
    experiment_names: tuple[str, ...],
    filter_string: str,
    order_by: tuple[str, ...],
    columns: str | None,
    max_results: int | None,
    view: str,
    as_json: bool,
) -> None:
    """List the runs that match a filter, in all experiments unless some are named; the latest first."""
    ids = [*experiment_ids, *(session.experiment(None, name).experiment_id for name in experiment_names)]
    if not ids:
        every = every_page(session.client.search_experiments, None, view_type=view_of("all"))
        ids = [experiment.experiment_id for experiment in every]
    found = every_page(
        session.client.search_runs,
        max_results,
        experiment_ids=ids,
        filter_string=filter_string,
        run_view_type=view_of(view),
        order_by=list(order_by) or None,
    )
    _print_runs(found, [column.strip() for column in columns.split(",")] if columns else COLUMNS, as_json=as_json)


@runs.command("list")
@view_option
@json_option
@click.pass_obj
@takes_experiment
def list_(session: Session, *, experiment: Experiment, view: str, as_json: bool) -> None:
    """List the runs of an experiment, the latest first."""
    ids = [experiment.experiment_id]
    found = every_page(session.client.search_runs, None, experiment_ids=ids, run_view_type=view_of(view))
    _print_runs(found, COLUMNS, as_json=as_json)


@runs.command("describe")
@takes_run_id
@json_option
@click.pass_obj
def describe(session: Session, *, run_id: str, as_json: bool) -> None:
    """Print one run with all that it logged; a deleted one too."""
    run = session.client.get_run(run_id)
    if as_json:
        print_json(run_as_json(run))
        return
    shown = run_as_json(run)
    fields: dict[str, Any] = dict(shown["info"])
    for name in ("start_time", "end_time"):
        fields[name] = utc_text(fields[name])
    for kind in ("params", "metrics", "tags"):
        fields |= {f"{kind}.{key}": value for key, value in shown["data"][kind].items()}
    print_fields(fields)


runs.add_command(describe, "get")


@runs.command("metrics")
@click.argument("run_id")
@click.argument("metric")
@json_option
@click.pass_obj
def metrics(session: Session, *, run_id: str, metric: str, as_json: bool) -> None:
    """Print METRIC of RUN_ID as tab-separated step, time (ms) and value."""
    session.client.get_run(run_id)
    points = session.client.get_metric_history(run_id, metric)
    if as_json:
        print_json([metric_as_json(point) for point in points])
        return
    for point in points:
        click.echo(f"{point.step}\t{point.timestamp}\t{point.value!r}")


@runs.command("delete")
@takes_run_id
@json_option
@click.pass_obj
def delete(session: Session, *, run_id: str, as_json: bool) -> None:
    """Move a run to the trash, from which it can be restored."""
    session.client.delete_run(run_id)
    _done(run_id, f"Run {run_id} is in the trash.", as_json=as_json)


@runs.command("restore")
@takes_run_id
@json_option
@click.pass_obj
def restore(session: Session, *, run_id: str, as_json: bool) -> None:
    """Bring a run back from the trash."""
    session.client.restore_run(run_id)
    _done(run_id, f"Run {run_id} is back.", as_json=as_json)


def _print_runs(found: list[Any], columns: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        print_json([run_as_json(run) for run in found])
        return
    rows = [run_as_row(run) for run in found]
    print_table(columns, [[row.get(column) for column in columns] for row in rows])


def _done(run_id: str, sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"run_id": run_id})
    else:
        click.echo(sentence)
