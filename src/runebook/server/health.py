"""What probes and people ask first: whether the server is up, which version it is, and what it is at all."""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from runebook._version import __version__

_START_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Runebook</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}}</style></head>
<body>
<h1>Runebook {version}</h1>
<p>This is a Runebook server: it keeps experiments, runs and their files, and speaks MLflow's protocol.</p>
<p>Log to it with <code>runebook.set_tracking_uri("{address}")</code>; MLflow's clients can use the same address.</p>
<ul>
<li><a href="{prefix}/api/2.0/mlflow/experiments/search?max_results=1000">Experiments</a> (JSON)</li>
<li><a href="{prefix}/api/runebook/v1/openapi.json">All operations</a> (OpenAPI)</li>
<li><a href="{prefix}/health">Health</a>, <a href="{prefix}/version">version</a></li>
</ul>
</body></html>
"""


async def health(_: Request) -> Response:
    """Whether this process answers."""
    return PlainTextResponse("OK")


async def version(_: Request) -> Response:
    """Runebook's version."""
    return PlainTextResponse(__version__)


async def start_page(static_prefix: str, request: Request) -> Response:
    """A page for people who follow the address that the server printed. It needs nothing from elsewhere."""
    address = escape(f"{request.url.scheme}://{request.headers.get('host', '')}{static_prefix}")
    page = _START_PAGE.format(version=escape(__version__), address=address, prefix=escape(static_prefix))
    policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
    return HTMLResponse(page, headers={"Content-Security-Policy": policy})
