"""Which functions of MLflow's clients a conversation must use, and which belong to another chapter."""

from __future__ import annotations

import re

OTHER_CLIENT_METHODS = re.compile(
    r".*(registered_model|model_version|prompt|trace|span|webhook|workspace|mcp_|assessment|latest_versions).*"
    r"|(create|get|delete|search)_datasets?|(set|delete)_dataset_tags?|(add|remove)_dataset(_to|_from)_experiments"
    r"|tracking_uri"
)
"""The registry, prompts, traces, webhooks, workspaces and evaluation datasets."""

OTHER_FLUENT_FUNCTIONS = re.compile(
    r".*(prompt|trace|span|workspace|assessment|feedback|expectation|issue|session).*"
    r"|register_model|search_model_versions|search_registered_models|set_model_version_tag|set_registry_uri"
    r"|autolog|evaluate|validate_evaluation_results|run|pyfunc|gateway|test|context|login|doctor|import_checkpoints"
    r"|(enable|disable)_system_metrics_logging|set_system_metrics_\w+|set_tracking_uri"
    r"|MlflowException|MlflowClient|ActiveRun|ActiveModel|Image|get_current_active_span"
)
"""The same, and what runs models, projects or threads of its own in the client."""

LIST_SURFACE = """
import json, mlflow
print(json.dumps({
    "client": [name for name in vars(mlflow.MlflowClient) if not name.startswith("_")],
    "fluent": sorted(set(mlflow.__all__)),
}))
"""
"""A program for the client's own Python that prints what it has."""
