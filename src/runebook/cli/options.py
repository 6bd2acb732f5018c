"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import click

from runebook.cli.session import Session

Decorator = Callable[[Any], Any]

json_option: Decorator = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")

view_option: Decorator = click.option(
    "--view",
    "-v",
    type=click.Choice(["active_only", "deleted_only", "all"], case_sensitive=False),
    default="active_only",
    show_default=True,
    help="Whether to look at what is there, at the trash, or at both.",
)

max_results_option: Decorator = click.option(
    "--max-results", type=click.IntRange(min=1), help="At most so many.  [default: all]"
)

order_by_option: Decorator = click.option(
    "--order-by", multiple=True, metavar="KEY [ASC|DESC]", help="A key to order by; given again, the next key."
)

tags_option: Decorator = click.option(
    "--tags", "-t", multiple=True, metavar="KEY=VALUE", help="A tag; may be given several times."
)


def takes_experiment(command: Callable[..., None]) -> Callable[..., None]:
    """An experiment, by id or by name; where neither is given, the one that the environment names. Below `pass_obj`."""

    @click.option("--experiment-id", help="Id of the experiment.  [default: RUNEBOOK_EXPERIMENT_ID]")
    @click.option("--experiment-name", help="Name of the experiment.  [default: RUNEBOOK_EXPERIMENT_NAME]")
    @functools.wraps(command)
    def with_experiment(
        session: Session, *, experiment_id: str | None, experiment_name: str | None, **options: Any
    ) -> None:
        if experiment_id is None and experiment_name is None:
            experiment_id, experiment_name = session.default_experiment()
        command(session, experiment=session.experiment(experiment_id, experiment_name), **options)

    return with_experiment


def takes_run_id(command: Callable[..., None]) -> Callable[..., None]:
    """A run, named as MLflow does (`--run-id ID`) or simply by its id."""

    @click.argument("run_id", required=False)
    @click.option("--run-id", "run_id_named", metavar="RUN_ID", help="The run, in MLflow's manner.")
    @functools.wraps(command)
    def with_run_id(*args: Any, run_id: str | None, run_id_named: str | None, **options: Any) -> None:
        if (run_id is None) == (run_id_named is None):
            raise click.UsageError("Give one run: RUN_ID, or --run-id RUN_ID.")
        command(*args, run_id=run_id or run_id_named, **options)

    return with_run_id


def key_values(texts: Iterable[str]) -> dict[str, str]:
    """The mapping that texts like `key=value` spell; only the first `=` divides."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise click.UsageError(f"{text!r} is no KEY=VALUE.")
        if key in found:
            raise click.UsageError(f"{key!r} is given twice.")
        found[key] = value
    return found
