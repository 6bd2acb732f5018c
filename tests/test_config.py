from __future__ import annotations

import pytest

from runebook.config import HttpSettings, Settings
from runebook.core.errors import InvalidParameterValue


def test_nothing_set_gives_mlflows_defaults() -> None:
    assert Settings.read({}) == Settings(http=HttpSettings(max_retries=7, backoff_factor=2.0, timeout_seconds=120.0))


def test_mlflows_variables_count_where_ours_are_unset() -> None:
    environ = {
        "MLFLOW_TRACKING_URI": "http://mlflow",
        "RUNEBOOK_TRACKING_URI": "http://runebook",
        "MLFLOW_TRACKING_TOKEN": "t",
        "RUNEBOOK_TRACKING_TOKEN": "",
    }

    settings = Settings.read(environ)

    assert (settings.tracking_uri, settings.http.token) == ("http://runebook", "t")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"MLFLOW_EXPERIMENT_NAME": "a", "MLFLOW_EXPERIMENT_ID": "1"}, ("1", "a")),
        ({"MLFLOW_EXPERIMENT_NAME": "a", "RUNEBOOK_EXPERIMENT_ID": "1"}, ("1", None)),
        ({"MLFLOW_EXPERIMENT_ID": "2", "RUNEBOOK_EXPERIMENT_NAME": "b"}, (None, "b")),
    ],
)
def test_the_experiment_of_one_product_is_not_mixed_with_the_others(
    environ: dict[str, str], expected: tuple[str | None, str | None]
) -> None:
    settings = Settings.read(environ)

    assert (settings.experiment_id, settings.experiment_name) == expected


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("FALSE", False), ("off", False)])
def test_flags_are_read(text: str, value: bool) -> None:
    assert Settings.read({"MLFLOW_TRACKING_INSECURE_TLS": text}).http.insecure_tls is value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MLFLOW_TRACKING_INSECURE_TLS", "maybe"),
        ("RUNEBOOK_HTTP_REQUEST_TIMEOUT", "soon"),
        ("RUNEBOOK_HTTP_REQUEST_TIMEOUT", "nan"),
        ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "-1"),
        ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1.5"),
    ],
)
def test_a_variable_that_makes_no_sense_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidParameterValue, match=name):
        Settings.read({name: value})


def test_retries_have_mlflows_cap() -> None:
    assert Settings.read({"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "500"}).http.max_retries == 10


def test_settings_do_not_show_their_secrets() -> None:
    settings = Settings.read({"RUNEBOOK_TRACKING_PASSWORD": "hush1", "RUNEBOOK_TRACKING_TOKEN": "hush2"})

    assert settings.http.password == "hush1"
    assert "hush" not in repr(settings)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings.read({}).tracking_uri = "x"  # type: ignore[misc]


def test_a_run_context_holds_texts() -> None:
    settings = Settings.read({"MLFLOW_RUN_CONTEXT": '{"a": "b", "n": 1, "o": {"x": null}}'})

    assert settings.run_context_tags() == {"a": "b", "n": "1", "o": '{"x": null}'}
