"""Reads one metric's whole history from a server, in pages or at once, some times: prints the time as JSON."""

from __future__ import annotations

import argparse
import http.client
import json
import re
import statistics
import time
from urllib.parse import quote

_TOKEN = re.compile(rb'"next_page_token": ?"([^"]+)"')
_PATIENCE_S = 300
_TAIL = 4096


def read(connection: http.client.HTTPConnection, path: str) -> list[bytes]:
    """The bodies of all pages. The token is looked for at either end, as parsing them would cost the reader."""
    bodies: list[bytes] = []
    token = ""
    while True:
        connection.request("GET", path + (f"&page_token={quote(token)}" if token else ""))
        reply = connection.getresponse()
        body = reply.read()
        if reply.status != 200:
            raise SystemExit(f"{reply.status} {body[:500]!r}")
        bodies.append(body)
        found = _TOKEN.search(body[-_TAIL:]) or _TOKEN.search(body[:_TAIL])
        if found is None:
            return bodies
        token = json.loads(b'"' + found.group(1) + b'"')


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--run", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--page", type=int, default=0, help="points a page; 0: all at once")
    parser.add_argument("--times", type=int, default=3)
    arguments = parser.parse_args()
    run = arguments.run
    path = f"/api/2.0/mlflow/metrics/get-history?run_id={run}&run_uuid={run}&metric_key={quote(arguments.key)}"
    if arguments.page:
        path += f"&max_results={arguments.page}"
    connection = http.client.HTTPConnection("127.0.0.1", arguments.port, timeout=_PATIENCE_S)
    times_s, counts = [], set()
    for _ in range(arguments.times):
        started = time.perf_counter()
        bodies = read(connection, path)
        times_s.append(time.perf_counter() - started)
        counts.add(sum(body.count(b'"timestamp"') for body in bodies))
    (points,) = counts
    print(json.dumps({"done": points, "failed": 0, "seconds": statistics.median(times_s)}))


if __name__ == "__main__":
    main()
