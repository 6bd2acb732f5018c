"""Train real models on the handwritten digits that come with scikit-learn, and find the best.

    python examples/sklearn_digits.py [--epochs 15]

One parent run holds a sweep; each model is a run nested in it, with its params, its accuracy epoch by epoch, the
dataset it read and the files it made.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import classification_report, confusion_matrix, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

import runebook as rb

SEED = 7


def candidates() -> dict[str, Any]:
    models: dict[str, Any] = {
        f"sgd alpha={alpha}": SGDClassifier(loss="log_loss", alpha=alpha, random_state=SEED)
        for alpha in (1e-4, 1e-2, 1.0)
    }
    models["mlp 32"] = MLPClassifier(hidden_layer_sizes=(32,), learning_rate_init=0.01, random_state=SEED)
    return models


def train(model: Any, data: dict[str, Any], epochs: int) -> None:
    """One pass over the data an epoch; what it reached is logged after each."""
    classes = np.unique(data["train_y"])
    for epoch in range(epochs):
        model.partial_fit(data["train_x"], data["train_y"], classes=classes)
        rb.log_metrics(
            {
                "train/loss": log_loss(data["train_y"], model.predict_proba(data["train_x"]), labels=classes),
                "train/accuracy": model.score(data["train_x"], data["train_y"]),
                "test/accuracy": model.score(data["test_x"], data["test_y"]),
            },
            step=epoch,
        )


def log_report(model: Any, data: dict[str, Any]) -> None:
    predicted = model.predict(data["test_x"])
    rb.log_dict(classification_report(data["test_y"], predicted, output_dict=True), "report.json")
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "confusion.csv"
        np.savetxt(table, confusion_matrix(data["test_y"], predicted), fmt="%d", delimiter=",")
        rb.log_artifact(str(table), "evaluation")


def read_digits() -> dict[str, Any]:
    x, y = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(x, y, test_size=0.25, random_state=SEED, stratify=y)
    scaler = StandardScaler().fit(train_x)
    return {
        "train_x": scaler.transform(train_x),
        "test_x": scaler.transform(test_x),
        "train_y": train_y,
        "test_y": test_y,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=15)
    epochs = parser.parse_args().epochs

    data = read_digits()
    digits = rb.data.from_numpy(
        data["train_x"], targets=data["train_y"], source="https://archive.ics.uci.edu/dataset/80", name="digits"
    )
    experiment = rb.set_experiment("digits")

    with rb.start_run(run_name="sweep", description="Linear models and a small network on 8x8 digits.") as sweep:
        for name, model in candidates().items():
            with rb.start_run(run_name=name, nested=True, tags={"family": type(model).__name__}):
                rb.log_params({**model.get_params(), "epochs": epochs})
                rb.log_input(digits, context="train")
                train(model, data, epochs)
                log_report(model, data)

    found = rb.search_runs(
        [experiment.experiment_id],
        filter_string=f"tags.mlflow.parentRunId = '{sweep.info.run_id}'",
        order_by=["metrics.`test/accuracy` DESC"],
        output_format="list",
    )
    for run in found:
        print(f"{run.data.metrics['test/accuracy']:.3f}  {run.info.run_name}")


if __name__ == "__main__":
    main()
