from __future__ import annotations

import pytest

from runebook.cli.masking import masked_uri, masked_variable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://ann:s3cret@db/runebook", "postgresql://ann:***@db/runebook"),
        ("postgresql://ann:p@ss/w:rd@db/runebook", "postgresql://ann:***@db/runebook"),
        ("http://:token@host", "http://:***@host"),
        ("s3://bucket/a?token=abc&region=eu", "s3://bucket/a?token=***&region=eu"),
        ("sqlite:////home/ann/runebook.db", "sqlite:////home/ann/runebook.db"),
        ("http://host:5000/path", "http://host:5000/path"),
    ],
)
def test_passwords_in_uris_are_hidden(text: str, shown: str) -> None:
    assert masked_uri(text) == shown


@pytest.mark.parametrize(
    "name", ["MLFLOW_TRACKING_PASSWORD", "RUNEBOOK_TRACKING_TOKEN", "RUNEBOOK_S3_SECRET_ACCESS_KEY"]
)
def test_a_variable_named_like_a_secret_is_hidden(name: str) -> None:
    assert masked_variable(name, "value") == "***"


def test_other_variables_are_shown() -> None:
    assert masked_variable("RUNEBOOK_TRACKING_USERNAME", "ann") == "ann"
