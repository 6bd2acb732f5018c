"""Times the import of a peer, and of what `start_run` needs, in a fresh process. Run by a peer's own Python."""

import importlib
import json
import sys
import time

started = time.perf_counter()
importlib.import_module(sys.argv[1]).start_run  # noqa: B018  # a lazy package imports it now
print(json.dumps({"import_ms": (time.perf_counter() - started) * 1000}))
