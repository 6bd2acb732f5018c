"""`runebook experiments`: commands on experiments, with the option names of `mlflow experiments`."""

from __future__ import annotations

from pathlib import Path

import click

from runebook.cli.options import (
    json_option,
    key_values,
    max_results_option,
    order_by_option,
    tags_option,
    view_option,
)
from runebook.cli.output import print_fields, print_json, print_table
from runebook.cli.records import experiment_as_json
from runebook.cli.runs_csv import write_csv
from runebook.cli.session import Session, every_page, view_of

experiment_id_option = click.option("--experiment-id", "-x", required=True, help="Id of the experiment.")

COLUMNS = ("experiment_id", "name", "lifecycle_stage", "artifact_location")


@click.group()
def experiments() -> None:
    """Make, find and change experiments."""


@experiments.command("create")
@click.option("--experiment-name", "-n", required=True, help="Name, that no other experiment has.")
@click.option("--artifact-location", "-l", help="Where the files of its runs go; the store's own place otherwise.")
@tags_option
@json_option
@click.pass_obj
def create(
    session: Session, *, experiment_name: str, artifact_location: str | None, tags: tuple[str, ...], as_json: bool
) -> None:
    """Make an experiment and print its id."""
    made = session.client.create_experiment(experiment_name, artifact_location, key_values(tags))
    if as_json:
        print_json({"experiment_id": made})
    else:
        click.echo(made)


@experiments.command("search")
@click.option("--filter", "filter_string", help="Such as: name LIKE 'vision%' AND tags.team = 'a'.")
@order_by_option
@max_results_option
@view_option
@json_option
@click.pass_obj
def search(
    session: Session,
    *,
    filter_string: str | None,
    order_by: tuple[str, ...],
    max_results: int | None,
    view: str,
    as_json: bool,
) -> None:
    """List experiments, the newest first unless another order is asked for."""
    found = every_page(
        session.client.search_experiments,
        max_results,
        view_type=view_of(view),
        filter_string=filter_string,
        order_by=list(order_by) or None,
    )
    shown = [experiment_as_json(experiment) for experiment in found]
    if as_json:
        print_json(shown)
    else:
        print_table(COLUMNS, [[experiment[column] for column in COLUMNS] for experiment in shown])


experiments.add_command(search, "list")


@experiments.command("get")
@click.option("--experiment-id", "-x", help="Id of the experiment.")
@click.option("--experiment-name", "-n", help="Name of the experiment.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", help="json is the same as --json.")
@json_option
@click.pass_obj
def get(
    session: Session, *, experiment_id: str | None, experiment_name: str | None, output: str, as_json: bool
) -> None:
    """Print one experiment, known by its id or by its name; a deleted one too."""
    shown = experiment_as_json(session.experiment(experiment_id, experiment_name))
    if as_json or output == "json":
        print_json(shown)
        return
    tags = shown.pop("tags")
    print_fields({**shown, **{f"tags.{key}": value for key, value in tags.items()}})


@experiments.command("rename")
@experiment_id_option
@click.option("--new-name", required=True, help="Name, that no other experiment has.")
@json_option
@click.pass_obj
def rename(session: Session, *, experiment_id: str, new_name: str, as_json: bool) -> None:
    """Give an experiment another name."""
    session.client.rename_experiment(experiment_id, new_name)
    _done(experiment_id, f"Experiment {experiment_id} is now named {new_name}.", as_json=as_json)


@experiments.command("delete")
@experiment_id_option
@json_option
@click.pass_obj
def delete(session: Session, *, experiment_id: str, as_json: bool) -> None:
    """Move an experiment and its runs to the trash, from which they can be restored."""
    session.client.delete_experiment(experiment_id)
    _done(experiment_id, f"Experiment {experiment_id} is in the trash.", as_json=as_json)


@experiments.command("restore")
@experiment_id_option
@json_option
@click.pass_obj
def restore(session: Session, *, experiment_id: str, as_json: bool) -> None:
    """Bring an experiment back from the trash, with the runs that went there with it."""
    session.client.restore_experiment(experiment_id)
    _done(experiment_id, f"Experiment {experiment_id} is back.", as_json=as_json)


@experiments.command("set-tag")
@experiment_id_option
@click.option("--key", required=True, help="Key of the tag.")
@click.option("--value", required=True, help="Its value from now on.")
@json_option
@click.pass_obj
def set_tag(session: Session, *, experiment_id: str, key: str, value: str, as_json: bool) -> None:
    """Set a tag of an experiment, or change its value."""
    session.client.set_experiment_tag(experiment_id, key, value)
    _done(experiment_id, f"Experiment {experiment_id} has the tag {key}.", as_json=as_json)


@experiments.command("csv")
@experiment_id_option
@click.option("--filename", "-o", type=click.Path(dir_okay=False, path_type=Path), help="The file; stdout otherwise.")
@click.pass_obj
def csv(session: Session, *, experiment_id: str, filename: Path | None) -> None:
    """Write the runs of an experiment as CSV: a line a run, a column for each metric, param and tag."""
    session.client.get_experiment(experiment_id)
    write_csv(every_page(session.client.search_runs, None, experiment_ids=[experiment_id]), filename)


def _done(experiment_id: str, sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"experiment_id": experiment_id})
    else:
        click.echo(sentence)
