"""Plain HTTP requests, good and bad, for every classical endpoint, by topic."""

from __future__ import annotations

from . import artifacts, experiments, inputs, logged_models, metrics, protocol, runs, spoiled

TOPICS = (protocol, experiments, runs, metrics, inputs, artifacts, logged_models, spoiled)
