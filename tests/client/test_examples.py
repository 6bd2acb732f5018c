"""The examples run as they stand, in a directory of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.client.conftest import without_settings

import runebook as rb

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run_example(name: str, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        cwd=folder,
        env=without_settings(),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def test_the_quickstart_finds_the_best_of_its_runs(own_store: Path) -> None:
    printed = run_example("quickstart.py", own_store)

    assert "The best of all runs is 'rate 0.4'" in printed
    assert (own_store / "runebook.db").is_file()


def test_the_digits_are_learnt_and_every_model_is_kept_with_its_files(own_store: Path) -> None:
    printed = run_example("sklearn_digits.py", own_store, "--epochs", "3")

    best, *others = [line.split(maxsplit=1) for line in printed.splitlines()]
    assert len(others) == 3
    assert float(best[0]) > 0.9
    experiment = rb.get_experiment_by_name("digits")
    assert experiment is not None
    (run,) = rb.Client().search_runs([experiment.experiment_id], f"run_name = '{best[1]}'")
    assert len(rb.Client().get_metric_history(run.info.run_id, "train/loss")) == 3
    assert run.inputs.dataset_inputs[0].dataset.name == "digits"
    assert rb.artifacts.load_dict(f"runs:/{run.info.run_id}/report.json")["accuracy"] > 0.9
    assert [file.path for file in rb.Client().list_artifacts(run.info.run_id, "evaluation")] == [
        "evaluation/confusion.csv"
    ]
