from __future__ import annotations

import os
from pathlib import PurePosixPath
from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runebook.artifacts import paths
from runebook.core.errors import InvalidParameterValue

HOSTILE = [
    "..",
    "../secret",
    "a/../../secret",
    "a/..",
    "/etc/passwd",
    "//etc/passwd",
    "%2e%2e/secret",
    "%2E%2e%2Fsecret",
    "a/%252e%252e/secret",
    "%25252e%25252e%25252fsecret",
    "%2fetc/passwd",
    "%252fetc/passwd",
    "..\\secret",
    "a\\b",
    "a%5cb",
    "%5c%5chost%5cshare",
    "C:\\windows",
    "C:/windows",
    "c:secret",
    "C%3A/windows",
    "a\0b",
    "a%00b",
    "a%2500b",
    "a\nb",
    "a\x7fb",
    "file:///etc/passwd",
    "file:secret",
    "FILE:secret",
    "http://host/a",
    "s3://bucket/key",
    "a#b",
    "..;x=1/secret",
    "a/..;/secret",
    "a/.. /secret",
    " ../secret",
    "\ud800",
    "%c0%ae%c0%ae/%2e%2e/secret",
    "x" * 256,
    "é" * 128,
    "a/" * 1025,
    ".runebook-unfinished-1234",
    "a/.runebook-unfinished-1234/b",
]

HARMLESS = [
    "a",
    "a/b/c.txt",
    "..a",
    "a..b",
    "...",
    "a b",
    "a%20b",
    "100%",
    "50%25 done",
    "%zz",
    "ünï/cödé.txt",
    "日本語.png",
    "ab:c",
    "metrics;v=1",
    "a?b=c",
    "a+b&c=d",
    "~user",
    "-rf",
    "$(touch x)",
    "x" * 255,
]


@pytest.mark.parametrize("path", HOSTILE)
def test_a_hostile_path_is_refused_and_named(path: str) -> None:
    with pytest.raises(InvalidParameterValue, match="Invalid path"):
        paths.normalize(path)


@pytest.mark.parametrize("path", HARMLESS)
def test_a_harmless_name_is_kept_as_it_was_given(path: str) -> None:
    assert paths.normalize(path) == path


@pytest.mark.parametrize(("path", "normalized"), [("", ""), (".", ""), ("a//b", "a/b"), ("./a/./b/", "a/b")])
def test_empty_and_dot_parts_are_dropped(path: str, normalized: str) -> None:
    assert paths.normalize(path) == normalized


@pytest.mark.parametrize("path", ["", ".", "a/", "a/."])
def test_a_folder_is_no_name_for_a_file(path: str) -> None:
    with pytest.raises(InvalidParameterValue, match="must name a file"):
        paths.normalize_file(path)


def test_a_path_is_joined_below_its_prefix() -> None:
    assert paths.join("0/run/artifacts/", "a//b") == "0/run/artifacts/a/b"
    assert paths.join("", "a") == "a"
    assert paths.join("0/run", "") == "0/run"


_pieces = st.sampled_from(
    [
        "..",
        ".",
        "/",
        "\\",
        "%2e",
        "%2E%2e",
        "%2f",
        "%5c",
        "%25",
        "%252e",
        "%00",
        "\0",
        "C:",
        ";",
        "#",
        "?",
        " ",
        "a",
        "é",
    ]
)
_paths = st.one_of(st.text(max_size=60), st.lists(_pieces, max_size=12).map("".join))


@given(path=_paths, prefix=st.sampled_from(["", "0/run/artifacts"]))
@example(path="%2e%2e%2f" * 3, prefix="0/run/artifacts")
def test_what_is_accepted_stays_below_the_root_however_often_it_is_decoded(path: str, prefix: str) -> None:
    try:
        joined = paths.join(prefix, path)
    except InvalidParameterValue:
        return
    root = f"/root/store/{prefix}".rstrip("/")
    spelling = joined
    for _ in range(6):
        for separated in (spelling, spelling.replace("\\", "/")):
            resolved = os.path.normpath(f"{root}/{prefix}/{separated.removeprefix(prefix)}")
            assert resolved == f"{root}/{prefix}".rstrip("/") or resolved.startswith(
                f"{root}/{prefix}".rstrip("/") + "/"
            )
        assert "\0" not in spelling
        assert not spelling.startswith("/")
        spelling = unquote(spelling)


@given(path=_paths)
def test_a_normalized_path_is_normal(path: str) -> None:
    try:
        once = paths.normalize(path)
    except InvalidParameterValue:
        return
    assert paths.normalize(once) == once
    assert once == "" or PurePosixPath(once).as_posix() == once


@given(path=_paths, times=st.integers(1, 4))
def test_encoding_a_path_does_not_make_it_acceptable(path: str, times: int) -> None:
    try:
        path.encode()
        paths.normalize(path)
    except UnicodeEncodeError:
        return
    except InvalidParameterValue as refused:
        if "it must be relative" not in refused.message:
            return
        spelled = path
        for _ in range(times):
            spelled = quote(spelled, safe="")
        with pytest.raises(InvalidParameterValue):
            paths.normalize(spelled)
