import pytest

from runebook.core import checks
from runebook.core.errors import InvalidParameterValue, NotFound, RunebookError, error_from_code


@pytest.mark.parametrize("key", ["loss", "val/loss", "a b", "a:b-c.d_e", "größe/学習", "x" * 250, "a..b"])
def test_a_plain_key_is_taken(key: str) -> None:
    checks.check_key(key, "key")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/a",
        "..a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        ".",
        "..",
        "./a",
        "a/.",
        "x" * 251,
        "a\0b",
        "a\nb",
        "a\\b",
        "a%2e",
    ],
)
def test_a_key_that_could_lead_elsewhere_is_refused(key: str) -> None:
    with pytest.raises(InvalidParameterValue, match=r"'params\[0\]\.key'"):
        checks.check_key(key, "params[0].key")


def test_a_value_is_kept_up_to_64_kib_of_utf_8() -> None:
    checks.check_value("x" * 65_536, "value")
    checks.check_value("ü" * 32_768, "value")
    for value in ("x" * 65_537, "ü" * 32_769, "a\0", "\ud800"):
        with pytest.raises(InvalidParameterValue, match="'value'"):
            checks.check_value(value, "value")


@pytest.mark.parametrize("experiment_id", ["", "abc", "-1", "1.0", "١", "1" * 20, " 1"])
def test_an_experiment_id_is_a_decimal_number(experiment_id: str) -> None:
    with pytest.raises(InvalidParameterValue, match="must be a valid integer"):
        checks.check_experiment_id(experiment_id)


def test_an_error_comes_back_from_its_code() -> None:
    assert isinstance(error_from_code("RESOURCE_DOES_NOT_EXIST", "gone"), NotFound)
    foreign = error_from_code("FEATURE_DISABLED", "off")
    assert type(foreign) is RunebookError
    assert foreign.error_code == "FEATURE_DISABLED"
    assert RunebookError("x").error_code == "INTERNAL_ERROR"
