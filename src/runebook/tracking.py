"""The client, under the name that MLflow's users know: `from runebook.tracking import MlflowClient`."""

from runebook.client.client import Client
from runebook.client.client import Client as MlflowClient
from runebook.client.tracking_uri import get_tracking_uri, is_tracking_uri_set, set_tracking_uri

__all__ = ["Client", "MlflowClient", "get_tracking_uri", "is_tracking_uri_set", "set_tracking_uri"]
