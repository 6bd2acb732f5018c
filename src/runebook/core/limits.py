"""A limit on everything, in one place.

Those without a comment are MLflow's, whose clients split their requests by them.
"""

from __future__ import annotations

MAX_KEY_LENGTH = 250
"""Characters in the key of a param, metric or tag."""

MAX_VALUE_BYTES = 65_536
"""Bytes (UTF-8) in the value of a param or a run's or experiment's tag. Runebook's own: MLflow cuts silently at 6000 and 8000."""

MAX_METRICS_PER_BATCH = 1000
MAX_PARAMS_PER_BATCH = 100
MAX_TAGS_PER_BATCH = 100
MAX_ENTITIES_PER_BATCH = 1000

MAX_EXPERIMENT_NAME_LENGTH = 500
MAX_RUN_NAME_LENGTH = 500
"""Runebook's own: MLflow has none, and a column of 250."""

MAX_USER_ID_LENGTH = 256
MAX_ARTIFACT_LOCATION_LENGTH = 2048

MAX_DATASET_NAME_LENGTH = 500
MAX_DATASET_DIGEST_LENGTH = 36
MAX_DATASET_SOURCE_TYPE_LENGTH = 36
MAX_DATASET_SOURCE_LENGTH = 65_535
MAX_DATASET_SCHEMA_LENGTH = 1_048_575
MAX_DATASET_PROFILE_LENGTH = 16_777_215
MAX_DATASETS_PER_REQUEST = 1000
MAX_INPUT_TAG_KEY_LENGTH = 255
MAX_INPUT_TAG_VALUE_LENGTH = 500

MAX_LOGGED_MODEL_NAME_LENGTH = 500
MAX_MODEL_TYPE_LENGTH = 500
MAX_STATUS_MESSAGE_LENGTH = 1000

MAX_SEARCH_RESULTS = 50_000
DEFAULT_SEARCH_RUNS = 1000
DEFAULT_SEARCH_LOGGED_MODELS = 50
MAX_HISTORY_PAGE = 25_000
MAX_BULK_RUNS = 100
MAX_INTERVAL_POINTS = 2500
DEFAULT_INTERVAL_POINTS = 2500
MAX_DATASET_SEARCH_EXPERIMENTS = 20
MAX_DATASET_SUMMARIES = 1000

MAX_FILTER_LENGTH = 65_536
"""Characters in a filter. Runebook's own."""

MAX_FILTER_CLAUSES = 250
"""Comparisons in one filter, and depth of its parentheses. Runebook's own."""

MAX_ORDER_BY = 32
"""Keys in one order_by. Runebook's own."""

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Bytes in a JSON request. Runebook's own."""

MAX_IDEMPOTENCY_KEY_LENGTH = 255

MIN_INT64 = -(2**63)
MAX_INT64 = 2**63 - 1
