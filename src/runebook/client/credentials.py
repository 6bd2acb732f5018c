"""Where a server is and how the client signs in to it."""

from __future__ import annotations

import base64
import configparser
import os
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from runebook.config import HttpSettings, Secret
from runebook.core.errors import InvalidParameterValue

CREDENTIALS_FILE = Path(".mlflow") / "credentials"
DATABRICKS_FILE = ".databrickscfg"


class Server(NamedTuple):
    """A server's address without credentials, and the header that signs in (None: the server asks for none)."""

    base_url: str
    authorization: Secret | None


def server_of(uri: str, settings: HttpSettings) -> Server:
    """The first that is there: a token, a name and password, those in the address, those in `~/.mlflow/credentials`."""
    if uri.partition(":")[0] == "databricks":
        return _databricks(uri, settings)
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    base_url = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
    if settings.token:
        return Server(base_url, _bearer(settings.token))
    if settings.username and settings.password:
        return Server(base_url, _basic(settings.username, settings.password))
    if parts.username:
        return Server(base_url, _basic(unquote(parts.username), unquote(parts.password or "")))
    return Server(base_url, _from_file())


def _bearer(token: str) -> Secret:
    return Secret(f"Bearer {token}")


def _basic(username: str, password: str) -> Secret:
    return Secret("Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii"))


def _from_file() -> Secret | None:
    section = _read(Path.home() / CREDENTIALS_FILE, "mlflow")
    username, password = section.get("mlflow_tracking_username"), section.get("mlflow_tracking_password")
    return _basic(username, password) if username and password else None


def _databricks(uri: str, settings: HttpSettings) -> Server:
    """`databricks` or `databricks://PROFILE`: the address and token from DATABRICKS_HOST and _TOKEN, or the profile."""
    profile = uri.removeprefix("databricks").removeprefix("://") or "DEFAULT"
    section = _read(Path.home() / DATABRICKS_FILE, profile)
    from_environment = profile == "DEFAULT"
    host = (os.environ.get("DATABRICKS_HOST") if from_environment else None) or section.get("host")
    token = (os.environ.get("DATABRICKS_TOKEN") if from_environment else None) or section.get("token")
    token = settings.token or token
    if not host or not token:
        raise InvalidParameterValue(
            f"{uri!r} needs DATABRICKS_HOST and DATABRICKS_TOKEN, or 'host' and 'token' in the section [{profile}] of "
            f"~/{DATABRICKS_FILE}."
        )
    return Server(host.rstrip("/") if "://" in host else f"https://{host.rstrip('/')}", _bearer(token))


def _read(path: Path, section: str) -> dict[str, str]:
    """A section of an ini file; empty when there is no such file or section."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
    except configparser.Error as error:
        raise InvalidParameterValue(f"{path} is no ini file: {error}.") from None
    if section == parser.default_section:
        return dict(parser.defaults())
    return dict(parser[section]) if parser.has_section(section) else {}
