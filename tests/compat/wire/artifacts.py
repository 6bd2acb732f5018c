"""Artifacts over plain HTTP: listings by run, and files put, listed, got and deleted through the server."""

from __future__ import annotations

from .speaker import Wire

_NONE = "0123456789abcdef0123456789abcdef"
_FILES = "2.0/mlflow-artifacts/artifacts"


def ask(wire: Wire) -> None:
    experiment = wire.experiment("artifacts")
    run_id = wire.run(experiment, "artifacts", 1000)
    root = f"{experiment}/{run_id}/artifacts"
    wire.get("list of nothing", "artifacts/list", run_id=run_id)
    _put(wire, root)
    _list(wire, run_id, root)
    _get(wire, root)
    _hostile(wire, run_id, root)
    _delete(wire, root)


def _put(wire: Wire, root: str) -> None:
    files = {"a.txt": b"alpha", "empty.bin": b"", "deep/er/b.bin": bytes(range(256)), "sp ace ü%25.txt": b"odd"}
    for name, body in files.items():
        wire.send(f"put {name}", "PUT", f"{_FILES}/{root}/{name}", body=body)
    wire.send("put a.txt again", "PUT", f"{_FILES}/{root}/a.txt", body=b"again")
    wire.send("put on a directory", "PUT", f"{_FILES}/{root}/deep/", body=b"x", status_only=True)
    wire.send(
        "put with a type", "PUT", f"{_FILES}/{root}/j.json", body=b"{}", headers={"Content-Type": "application/json"}
    )


def _list(wire: Wire, run_id: str, root: str) -> None:
    for path in ("", "deep", "deep/er", "deep/er/b.bin", "nothing", "a.txt"):
        wire.get(f"list {path}", "artifacts/list", run_id=run_id, path=path)
        wire.send(f"list served {path}", "GET", _FILES, fields={"path": f"{root}/{path}".rstrip("/")})
    wire.get("list by uuid", "artifacts/list", run_uuid=run_id)
    wire.get("list of no run", "artifacts/list", run_id=_NONE)
    wire.get("list without run", "artifacts/list")


def _get(wire: Wire, root: str) -> None:
    for name in ("a.txt", "empty.bin", "deep/er/b.bin", "sp ace ü%25.txt", "j.json"):
        wire.send(f"get {name}", "GET", f"{_FILES}/{root}/{name}")
    wire.send("get none", "GET", f"{_FILES}/{root}/none", status_only=True)
    wire.send("get a directory", "GET", f"{_FILES}/{root}/deep", status_only=True)
    for label, extent in {"head": "bytes=0-1", "tail": "bytes=-2", "rest": "bytes=2-", "beyond": "bytes=100-"}.items():
        wire.send(f"get the {label}", "GET", f"{_FILES}/{root}/a.txt", headers={"Range": extent}, status_only=True)
    wire.send("head", "HEAD", f"{_FILES}/{root}/a.txt", status_only=True)


def _hostile(wire: Wire, run_id: str, root: str) -> None:
    for path in ("../x", "..", "/etc/passwd", "a/../../..", "%2e%2e/x", "%252e%252e/x", "a\\..\\..\\b", "file:///etc"):
        wire.get(f"list hostile {path}", "artifacts/list", run_id=run_id, path=path)
        wire.send(f"list served hostile {path}", "GET", _FILES, fields={"path": path}, status_only=True)
    for path in ("%2e%2e/%2e%2e/x", "%252e%252e%252f%252e%252e/x", "a/%2e%2e/%2e%2e/x", "..%5c..%5cx"):
        wire.send(f"get hostile {path}", "GET", f"{_FILES}/{root}/{path}", status_only=True)
        wire.send(f"put hostile {path}", "PUT", f"{_FILES}/{root}/{path}", body=b"x", status_only=True)
        wire.send(f"delete hostile {path}", "DELETE", f"{_FILES}/{root}/{path}", status_only=True)


def _delete(wire: Wire, root: str) -> None:
    wire.send("delete file", "DELETE", f"{_FILES}/{root}/a.txt")
    wire.send("delete file again", "DELETE", f"{_FILES}/{root}/a.txt")
    wire.send("delete a tree", "DELETE", f"{_FILES}/{root}/deep")
    wire.send("list after deletion", "GET", _FILES, fields={"path": root})
