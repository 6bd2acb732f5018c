"""One client's whole conversation with a server. Run by a Python that has MLflow, never imported by the tests."""

from __future__ import annotations

import argparse
import importlib
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
from recorder import Recorder, Traced

_TOPICS = ("experiments", "runs", "metrics", "search", "inputs", "artifacts", "fluent", "models", "exotic")


def converse(record: Recorder, topic: str, ask: Callable[..., None], target: Any, prefix: str) -> None:
    """Ask about one topic. What breaks off a topic is an answer too, so that the others are still heard."""
    try:
        ask(record, target, prefix)
    except Exception:  # noqa: BLE001  # a scenario may break at any call
        record.note(f"{topic} broke off", {"trace": traceback.format_exc()})
    else:
        record.note(f"{topic} broke off", None)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--prefix", required=True, help="what this conversation's experiments are called")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--topics", nargs="*", default=_TOPICS)
    parser.add_argument("--read-exotic", help="prefix of the conversation whose exotic values are read")
    arguments = parser.parse_args()

    mlflow.set_tracking_uri(arguments.server)
    record = Recorder({arguments.server: "<server>", str(Path.cwd()): "<cwd>", arguments.prefix: "<prefix>"})
    client = Traced(mlflow.MlflowClient(), record.client_calls)
    fluent = Traced(mlflow, record.fluent_calls)
    if arguments.read_exotic:
        converse(record, "exotic", importlib.import_module("exotic").read, client, arguments.read_exotic)
    else:
        for topic in arguments.topics:
            module = importlib.import_module(topic)
            ask = module.write if topic == "exotic" else module.ask
            converse(record, topic, ask, fluent if topic == "fluent" else client, arguments.prefix)
    record.save(arguments.out)


if __name__ == "__main__":
    main()
