"""The state of a git work tree: from git's own files where that is safe and quick, else from `git`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

TIMEOUT_SECONDS = 10.0
MAX_DIFF_BYTES = 16 * 1024 * 1024
"""A larger diff is not kept: it is no change of code."""

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REMOTE_SECTION = re.compile(r'\s*\[remote "(?P<name>.*)"\]\s*')


class GitState(NamedTuple):
    """What is known; None where nothing is."""

    commit: str | None = None
    branch: str | None = None
    repo_url: str | None = None
    is_dirty: bool | None = None
    """Whether files that git knows differ from the commit."""
    diff: str | None = None


class WorkTree(NamedTuple):
    """A checkout, and where its git files are: its own, and those it shares with other work trees."""

    root: Path
    git_dir: Path
    common_dir: Path
    state: GitState

    def with_changes(self, *, with_diff: bool) -> GitState:
        """Ask `git` whether files differ from the commit, and how. Without git, the state stays as it is."""
        if self.state.commit is None:
            return self.state
        diff = _git(self.root, "diff", "--no-ext-diff", "--no-textconv", "--no-color", "--submodule=short", "HEAD")
        if diff is None:
            return self.state
        kept = diff if with_diff and diff and len(diff) <= MAX_DIFF_BYTES else None
        return self.state._replace(is_dirty=bool(diff), diff=None if kept is None else kept.decode("utf-8", "replace"))


def read_head(folder: Path) -> WorkTree | None:
    """Commit, branch and remote of the work tree that holds the folder; None when there is none."""
    found = _find(folder)
    if found is None:
        return None
    root, git_dir, common_dir = found
    head = _text(git_dir / "HEAD")
    reference = head.removeprefix("ref: ") if head.startswith("ref: ") else None
    commit = head if reference is None else _resolve(git_dir, common_dir, reference)
    if not _COMMIT.fullmatch(commit):
        asked = _git(root, "rev-parse", "--verify", "HEAD")  # a format of references that we do not read
        commit = (asked or b"").decode().strip()
    branch = reference.removeprefix("refs/heads/") if reference and reference.startswith("refs/heads/") else None
    if branch == ".invalid":
        branch = ((_git(root, "symbolic-ref", "--short", "HEAD")) or b"").decode().strip() or None
    return WorkTree(root, git_dir, common_dir, GitState(commit or None, branch, _remote(common_dir)))


def without_credentials(url: str) -> str:
    """A remote's address without name, password and token; `git@host:path` has none to remove."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    name = parts.username if parts.scheme == "ssh" and parts.username else None
    return urlunsplit((parts.scheme, f"{name}@{host}" if name else host, parts.path, "", ""))


def _find(folder: Path) -> tuple[Path, Path, Path] | None:
    for root in (folder, *folder.parents):
        entry = root / ".git"
        if entry.is_dir():
            return root, entry, entry
        if entry.is_file():
            git_dir = root / _text(entry).removeprefix("gitdir: ")
            common = _text(git_dir / "commondir")
            return root, git_dir, git_dir / common if common else git_dir
    return None


def _resolve(git_dir: Path, common_dir: Path, reference: str) -> str:
    for folder in (git_dir, common_dir):
        commit = _text(folder / reference)
        if commit:
            return commit
    for line in _text(common_dir / "packed-refs").splitlines():
        commit, _, name = line.partition(" ")
        if name == reference:
            return commit
    return ""


def _remote(common_dir: Path) -> str | None:
    """The address of `origin`, else of the first remote."""
    urls: dict[str, str] = {}
    section: str | None = None
    for line in _text(common_dir / "config").splitlines():
        if line.lstrip().startswith("["):
            found = _REMOTE_SECTION.fullmatch(line)
            section = found["name"] if found else None
            continue
        name, equals, value = line.partition("=")
        if section is not None and equals and name.strip().lower() == "url":
            urls.setdefault(section, value.strip().strip('"'))
    url = urls.get("origin") or next(iter(urls.values()), None)
    return without_credentials(url) if url else None


def _text(path: Path) -> str:
    """What a small file holds; "" when there is none that can be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _git(root: Path, *arguments: str) -> bytes | None:
    """What `git` prints; None when it is not there, refuses, or takes too long. It runs nothing of the repository's."""
    import subprocess  # a thread of its own imports it

    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", *arguments]
    try:
        done = subprocess.run(  # noqa: S603  # fixed words
            command,
            cwd=root,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None
