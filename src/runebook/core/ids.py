"""Identifiers, each with a type of its own, and how new ones are made."""

from __future__ import annotations

import os
import re
import time
from typing import NewType

RunId = NewType("RunId", str)
ExperimentId = NewType("ExperimentId", str)
ModelId = NewType("ModelId", str)
WriterId = NewType("WriterId", str)

DEFAULT_EXPERIMENT_ID = ExperimentId("0")
DEFAULT_EXPERIMENT_NAME = "Default"

RUN_ID_PATTERN = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}", re.ASCII)


def new_uuid7() -> str:
    """A UUID of version 7 (RFC 9562) as 32 hex digits: ids sort by the millisecond they were made in."""
    milliseconds = time.time_ns() // 1_000_000
    noise = int.from_bytes(os.urandom(10), "big")
    value = (
        (milliseconds & 0xFFFF_FFFF_FFFF) << 80
        | 0x7 << 76
        | ((noise >> 62) & 0xFFF) << 64
        | 0b10 << 62
        | noise & 0x3FFF_FFFF_FFFF_FFFF
    )
    return f"{value:032x}"


def new_run_id() -> RunId:
    return RunId(new_uuid7())


def new_model_id() -> ModelId:
    return ModelId("m-" + new_uuid7())


def new_writer_id() -> WriterId:
    """One writer is one process's spool; its frames are numbered by it."""
    return WriterId(new_uuid7())
