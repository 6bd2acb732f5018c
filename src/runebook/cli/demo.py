"""`runebook demo`: the way from logging to search and a server, on real models."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runebook.cli.masking import masked_uri
from runebook.cli.output import print_table
from runebook.cli.server import require_free_address, serve_store
from runebook.cli.session import Session

if TYPE_CHECKING:
    from runebook.cli.demo_models import Study, Trial

SHOWN_RUNS = 3


@click.command("demo")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runebook-demo"),
    show_default=True,
    help="Where the demo's store is, unless --tracking-uri names another.",
)
@click.option("--serve", is_flag=True, help="Serve the store in the end, until Ctrl-C.")
@click.option("--host", "-h", default="127.0.0.1", show_default=True, help="The address to serve it on.")
@click.option("--port", "-p", type=click.IntRange(0, 65535), default=5000, show_default=True, help="The port.")
@click.pass_obj
def demo(session: Session, *, directory: Path, serve: bool, host: str, port: int) -> None:
    """Train a few models, and see their runs logged and found.

    The models are scikit-learn's, small, and trained for real: 8 that read handwritten digits, 8 that foresee diabetes.
    """
    from runebook.cli.demo_models import one_thread, studies  # scikit-learn is slow to import

    if session.tracking_uri is None:
        directory.mkdir(parents=True, exist_ok=True)
        session.tracking_uri = f"sqlite:///{directory / 'runebook.db'}"
    store = session.client.tracking_uri
    if serve and store.startswith(("http:", "https:")):
        raise click.UsageError("--serve serves a store of this machine, and --tracking-uri names a server.")
    if serve:
        require_free_address(host, port)
    click.echo(f"Logging to {masked_uri(store)}")
    with one_thread():
        for study in studies():
            _run_study(session, study)
    if serve:
        _serve(store, directory, host, port)
    else:
        click.echo(f"\nLook closer: runebook --tracking-uri {masked_uri(store)} runs search")


def _run_study(session: Session, study: Study) -> None:
    """Train and log every trial, then find the best by search."""
    found = session.client.get_experiment_by_name(study.experiment)
    experiment_id = found.experiment_id if found else session.client.create_experiment(study.experiment)
    started = time.perf_counter()
    points = sum(_train(session, experiment_id, study, trial) for trial in study.trials)
    seconds = time.perf_counter() - started
    click.echo(
        f"\n{study.experiment}: trained {len(study.trials)} models on {study.dataset} "
        f"and logged {points} points in {seconds:.1f} s"
    )
    best = session.client.search_runs(
        [experiment_id], filter_string=study.filter, order_by=[study.best_by], max_results=SHOWN_RUNS
    )
    metric = study.best_by.removeprefix("metrics.").split()[0]
    click.echo(f"The best, by a search for {study.filter}, ordered by {study.best_by}:")
    print_table(
        ["run_id", "run_name", metric], [[r.info.run_id, r.info.run_name, r.data.metrics[metric]] for r in best]
    )


def _train(session: Session, experiment_id: str, study: Study, trial: Trial) -> int:
    """One run: params before, metrics at each step, a report in the end. Returns the points logged."""
    from runebook.client.entities import Metric, Param  # slow to import, and help needs none

    client = session.client
    run = client.create_run(experiment_id, run_name=trial.name, tags={"dataset": study.dataset})
    run_id = run.info.run_id
    points = 0
    try:
        client.log_batch(run_id, params=[Param(key, str(value)) for key, value in trial.params.items()])
        for step, metrics in enumerate(trial.fit(study.data)):
            now = time.time_ns() // 1_000_000
            client.log_batch(run_id, metrics=[Metric(key, value, now, step) for key, value in metrics.items()])
            points += len(metrics)
        client.log_text(run_id, trial.report(study.data), "report.txt")
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, "FINISHED")
    return points


def _serve(store: str, directory: Path, host: str, port: int) -> None:
    click.echo("\nServing them now, for browsers, runebook and MLflow clients. Ctrl-C stops the server.")
    serve_store(
        backend_store_uri=store, host=host, port=port, artifacts_destination=str(directory / "served-artifacts")
    )
