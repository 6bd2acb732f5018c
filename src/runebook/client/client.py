"""`Client`: one store, addressed by ids, with MLflow's method names. It has no active run; the fluent API does."""

from __future__ import annotations

from pathlib import Path

from runebook.client.methods.artifacts import ArtifactMethods
from runebook.client.methods.datasets import DatasetMethods
from runebook.client.methods.experiments import ExperimentMethods
from runebook.client.methods.metrics import MetricMethods
from runebook.client.methods.params import ParamMethods
from runebook.client.methods.tags import TagMethods
from runebook.client.tracking_uri import uri_of
from runebook.client.uris import absolute
from runebook.config import Settings
from runebook.core.errors import NotSupported


class Client(ExperimentMethods, MetricMethods, ParamMethods, TagMethods, DatasetMethods, ArtifactMethods):
    """Safe to share between threads, and usable after a fork. Clients of one store share its connections.

    Args:
        tracking_uri: the store; by default what `set_tracking_uri` or the environment says.
        registry_uri: the model registry's store, by default the same.
        workspace: for servers with workspaces, which are not supported yet.

    """

    def __init__(
        self, tracking_uri: str | Path | None = None, registry_uri: str | None = None, workspace: str | None = None
    ) -> None:
        if workspace is not None:
            raise NotSupported("Workspaces are not supported: leave 'workspace' out.")
        settings = Settings.read()
        super().__init__(absolute(tracking_uri) if tracking_uri else uri_of(settings), settings)
        self._registry_uri = registry_uri

    @property
    def tracking_uri(self) -> str:
        return self._uri
