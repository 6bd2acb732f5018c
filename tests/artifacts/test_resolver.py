from __future__ import annotations

from pathlib import Path

import pytest

from runebook.artifacts.local import LocalArtifactStore
from runebook.artifacts.resolver import ArtifactResolver
from runebook.core.artifacts import FileInfo
from runebook.core.errors import InvalidParameterValue, NotSupported


@pytest.fixture
def served(tmp_path: Path) -> LocalArtifactStore:
    return LocalArtifactStore(tmp_path / "served")


@pytest.fixture
def server(tmp_path: Path, served: LocalArtifactStore) -> ArtifactResolver:
    return ArtifactResolver(served=served, roots=[tmp_path / "served", tmp_path / "runs"])


def test_a_served_uri_is_the_served_store_and_a_path_in_it(
    server: ArtifactResolver, served: LocalArtifactStore
) -> None:
    assert server.resolve("mlflow-artifacts:/0/r/artifacts") == (served, "0/r/artifacts")
    assert server.resolve("mlflow-artifacts:///0/r") == (served, "0/r")
    assert server.resolve("mlflow-artifacts:/") == (served, "")


def test_a_local_uri_below_a_root_is_opened(server: ArtifactResolver, tmp_path: Path) -> None:
    for uri in (f"{tmp_path}/runs/1/a", f"file://{tmp_path}/runs/1/a", f"file:{tmp_path}/runs/1/a"):
        store, prefix = server.resolve(uri)
        assert store.local_path(prefix) == tmp_path / "runs/1/a"


@pytest.mark.parametrize("uri", ["/etc", "file:///etc", "/", "relative", "{tmp}/runs2", "{tmp}"])
def test_a_server_opens_no_local_path_outside_of_its_roots(server: ArtifactResolver, tmp_path: Path, uri: str) -> None:
    with pytest.raises(InvalidParameterValue, match="not below its own artifact root"):
        server.resolve(uri.format(tmp=tmp_path))


def test_a_link_in_a_root_does_not_lead_a_server_out(server: ArtifactResolver, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/out").symlink_to("/etc")

    with pytest.raises(InvalidParameterValue, match="not below"):
        server.resolve(f"{tmp_path}/runs/out")


@pytest.mark.parametrize(
    "uri",
    [
        "{tmp}/runs/../../etc",
        "file://{tmp}/runs/%2e%2e/%2e%2e/etc",
        "{tmp}/runs/%252e%252e/x",
        "mlflow-artifacts:/../x",
        "mlflow-artifacts:/%2e%2e/x",
        "{tmp}/runs/a\0b",
        "",
        "  ",
    ],
)
def test_a_uri_that_leads_upwards_is_invalid(server: ArtifactResolver, tmp_path: Path, uri: str) -> None:
    with pytest.raises(InvalidParameterValue, match="Invalid"):
        server.resolve(uri.format(tmp=tmp_path))


@pytest.mark.parametrize("uri", ["s3://b/k", "http://host/x", "mlflow-artifacts://host/x", "runs:/x", "file://host/x"])
def test_other_addresses_are_not_opened_by_a_server(server: ArtifactResolver, uri: str) -> None:
    with pytest.raises(NotSupported):
        server.resolve(uri)


def test_a_server_that_serves_nothing_says_so() -> None:
    with pytest.raises(NotSupported, match="does not serve artifacts"):
        ArtifactResolver(roots=[]).resolve("mlflow-artifacts:/0")


def test_embedded_any_local_path_is_opened(tmp_path: Path) -> None:
    store, prefix = ArtifactResolver().resolve(str(tmp_path / "anywhere"))

    assert (store.local_path(prefix), prefix) == (tmp_path / "anywhere", "")


def test_a_listing_names_files_relative_to_the_uri(server: ArtifactResolver, served: LocalArtifactStore) -> None:
    served.put("0/r/artifacts/model/MLmodel", [b"x"])

    uri = "mlflow-artifacts:/0/r/artifacts"
    assert server.list(uri) == [FileInfo(path="model", is_dir=True)]
    assert server.list(uri, "model") == [FileInfo(path="model/MLmodel", is_dir=False, file_size=1)]
    assert server.list(uri, "model/MLmodel") == []
    with pytest.raises(InvalidParameterValue, match="Invalid path"):
        server.list(uri, "../../other")


@pytest.mark.parametrize("uri", ["/data/runs", "s3://bucket/x", "gs://b", "mlflow-artifacts:/x", "file:///d", "rel/x"])
def test_an_experiment_may_keep_its_artifacts_in_folders_and_buckets(server: ArtifactResolver, uri: str) -> None:
    server.check_location(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "x" * 2049,
        "s3://bucket/x#fragment",
        "s3://bucket/x;params",
        "s3://bucket/../x",
        "/data/%2e%2e/x",
        "ftp://host/x",
        "sftp://host/x",
        "hdfs://host/x",
        "viewfs://host/x",
        "http://host/x",
        "HTTPS://host/x",
        "r2://b/x",
        "b2://b/x",
        "abfss://b@host/x",
        "mlflow-artifacts://host/x",
        "file://host/x",
        "s3://[bad/x",
    ],
)
def test_a_location_that_mlflow_refuses_is_refused(server: ArtifactResolver, uri: str) -> None:
    with pytest.raises(InvalidParameterValue):
        server.check_location(uri)
