"""Connections to a server, as the settings want them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from runebook.client.credentials import Server
from runebook.config import HttpSettings

if TYPE_CHECKING:
    import urllib3


def open_pool(server: Server, settings: HttpSettings) -> urllib3.PoolManager:
    """Connections that are kept open and used again, through a proxy where the environment names one."""
    import urllib3

    options: dict[str, Any] = {"num_pools": 10, "maxsize": settings.pool_size}
    if settings.insecure_tls:
        options["cert_reqs"] = "CERT_NONE"
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    elif settings.server_cert_path:
        options["ca_certs"] = settings.server_cert_path
    if settings.client_cert_path:
        options["cert_file"] = settings.client_cert_path
    parts = urlsplit(server.base_url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy and not proxy_bypass(parts.netloc):
        return urllib3.ProxyManager(proxy, **options)
    return urllib3.PoolManager(**options)
