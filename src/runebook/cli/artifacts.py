"""`runebook artifacts`: commands on the files of runs, with the option names of `mlflow artifacts`."""

from __future__ import annotations

from pathlib import Path

import click

from runebook.cli.options import json_option
from runebook.cli.output import print_json, print_table
from runebook.cli.session import Session

run_id_option = click.option("--run-id", "-r", required=True, help="Id of the run.")
artifact_path_option = click.option("--artifact-path", "-a", help="A file or folder in the run.  [default: its root]")


@click.group()
def artifacts() -> None:
    """List, fetch and add the files of runs."""


@artifacts.command("list")
@run_id_option
@artifact_path_option
@json_option
@click.pass_obj
def list_(session: Session, *, run_id: str, artifact_path: str | None, as_json: bool) -> None:
    """List the files and folders of a run, or of a folder in it."""
    found = session.client.list_artifacts(run_id, artifact_path)
    rows = [{"path": file.path, "is_dir": file.is_dir, "file_size": file.file_size} for file in found]
    if as_json:
        print_json(rows)
    else:
        print_table(("path", "size"), [[row["path"], "folder" if row["is_dir"] else row["file_size"]] for row in rows])


@artifacts.command("download")
@run_id_option
@artifact_path_option
@click.option("--dst-path", "-d", type=click.Path(file_okay=False), help="Where to.  [default: a new temporary folder]")
@json_option
@click.pass_obj
def download(session: Session, *, run_id: str, artifact_path: str | None, dst_path: str | None, as_json: bool) -> None:
    """Fetch a file or folder of a run, and print where it is now."""
    if dst_path is not None:
        Path(dst_path).mkdir(parents=True, exist_ok=True)
    place = session.client.download_artifacts(run_id, artifact_path or "", dst_path)
    if as_json:
        print_json({"path": place})
    else:
        click.echo(place)


@artifacts.command("log-artifact")
@run_id_option
@click.option("--local-file", "-l", type=click.Path(exists=True, dir_okay=False), required=True, help="The file.")
@click.option("--artifact-path", "-a", help="The folder in the run to put it into.  [default: its root]")
@json_option
@click.pass_obj
def log_artifact(session: Session, *, run_id: str, local_file: str, artifact_path: str | None, as_json: bool) -> None:
    """Add a file to a run."""
    session.client.log_artifact(run_id, local_file, artifact_path)
    _done(run_id, f"Run {run_id} has {local_file}.", as_json=as_json)


@artifacts.command("log-artifacts")
@run_id_option
@click.option("--local-dir", "-l", type=click.Path(exists=True, file_okay=False), required=True, help="The folder.")
@click.option("--artifact-path", "-a", help="The folder in the run to put them into.  [default: its root]")
@json_option
@click.pass_obj
def log_artifacts(session: Session, *, run_id: str, local_dir: str, artifact_path: str | None, as_json: bool) -> None:
    """Add all files of a folder to a run."""
    session.client.log_artifacts(run_id, local_dir, artifact_path)
    _done(run_id, f"Run {run_id} has the files of {local_dir}.", as_json=as_json)


def _done(run_id: str, sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"run_id": run_id})
    else:
        click.echo(sentence)
