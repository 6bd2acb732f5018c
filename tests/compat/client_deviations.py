"""Where Runebook answers MLflow's clients otherwise than MLflow does, and why."""

from __future__ import annotations

from .comparison import Deviation

CLIENT_DEVIATIONS: dict[str, Deviation] = {}
