"""What a run notes of git, in real repositories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.client.conftest import Script

import runebook as rb
from runebook.client.git import GitState, read_head, without_credentials
from runebook.core import tags

IDENTITY = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_CONFIG_NOSYSTEM": "1",
}
PROGRAM = "import runebook as rb\nrb.start_run()\n"


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=os.environ | IDENTITY, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(own_store: Path) -> Path:
    """The working directory, with one commit of the script in it and the store ignored."""
    git(own_store, "init", "-q", "-b", "feature/one")
    (own_store / ".gitignore").write_text("runebook*\n")
    (own_store / "script.py").write_text(PROGRAM)
    git(own_store, "add", ".")
    git(own_store, "commit", "-q", "-m", "first")
    return own_store


def tags_of_last_run() -> dict[str, str]:
    return dict(rb.search_runs(output_format="list")[0].data.tags)


def test_a_clean_work_tree_is_noted(repository: Path, script: Script) -> None:
    git(repository, "remote", "add", "origin", "https://me:secret@example.org/team/repo.git")

    script(PROGRAM)

    noted = tags_of_last_run()
    assert noted[tags.GIT_COMMIT] == git(repository, "rev-parse", "HEAD")
    assert noted[tags.GIT_BRANCH] == "feature/one"
    assert noted[tags.GIT_REPO_URL] == "https://example.org/team/repo.git"
    assert noted[tags.GIT_DIRTY] == "false"
    assert tags.GIT_DIFF not in noted


def test_changes_are_noted_with_their_diff(repository: Path, script: Script) -> None:
    script(PROGRAM + "# changed\n")

    noted = tags_of_last_run()
    assert noted[tags.GIT_DIRTY] == "true"
    assert "+# changed" in noted[tags.GIT_DIFF]


def test_a_diff_too_long_for_a_tag_becomes_an_artifact(repository: Path, script: Script) -> None:
    script(PROGRAM + "# long\n" * 20_000)

    noted = tags_of_last_run()
    run_id = rb.search_runs(output_format="list")[0].info.run_id
    assert noted[tags.GIT_DIRTY] == "true"
    assert tags.GIT_DIFF not in noted
    assert rb.artifacts.load_text(f"runs:/{run_id}/runebook/git.diff").count("+# long") == 20_000


def test_the_diff_is_left_out_where_the_environment_says_so(
    repository: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script("import os; os.environ['RUNEBOOK_GIT_DIFF'] = 'false'\n" + PROGRAM)

    noted = tags_of_last_run()
    assert noted[tags.GIT_DIRTY] == "true"
    assert tags.GIT_DIFF not in noted


def test_without_git_the_commit_is_noted_all_the_same(repository: Path, script: Script) -> None:
    script("import os; os.environ['PATH'] = '/nonexistent'\n" + PROGRAM)

    noted = tags_of_last_run()
    assert noted[tags.GIT_COMMIT] == git(repository, "rev-parse", "HEAD")
    assert tags.GIT_DIRTY not in noted


def test_outside_of_a_repository_nothing_is_noted(script: Script) -> None:
    script(PROGRAM)

    assert not {tags.GIT_COMMIT, tags.GIT_BRANCH, tags.GIT_DIRTY} & set(tags_of_last_run())


def test_a_detached_head_has_a_commit_and_no_branch(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-q", "--detach")

    assert state_of(repository) == GitState(commit, None, None, is_dirty=False)


def test_a_packed_branch_is_found_from_a_folder_below(repository: Path) -> None:
    git(repository, "pack-refs", "--all")
    (repository / "deep" / "er").mkdir(parents=True)

    found = state_of(repository / "deep" / "er")

    assert (found.commit, found.branch) == (git(repository, "rev-parse", "HEAD"), "feature/one")


def test_a_linked_work_tree_has_a_branch_of_its_own(repository: Path) -> None:
    git(repository, "remote", "add", "origin", "git@example.org:team/repo.git")
    git(repository, "worktree", "add", "-q", "-b", "side", "linked")

    found = state_of(repository / "linked")

    assert (found.commit, found.branch) == (git(repository, "rev-parse", "HEAD"), "side")
    assert found.repo_url == "git@example.org:team/repo.git"


def test_a_repository_without_a_commit_is_no_error(own_store: Path) -> None:
    git(own_store, "init", "-q", "-b", "main")

    assert state_of(own_store) == GitState(branch="main")


def test_nothing_that_a_repository_configures_is_run(repository: Path) -> None:
    for key in ("core.fsmonitor", "diff.external", "diff.evil.textconv"):
        git(repository, "config", key, f"touch {repository}/evil-{key}; false")
    (repository / ".gitattributes").write_text("*.py diff=evil\n")
    (repository / "script.py").write_text("changed\n")

    assert "+changed" in str(state_of(repository).diff)
    assert list(repository.glob("evil-*")) == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:token@example.org/r.git", "https://example.org/r.git"),
        ("https://token@example.org:8443/r.git?x=1", "https://example.org:8443/r.git"),
        ("ssh://git@example.org/r.git", "ssh://git@example.org/r.git"),
        ("ssh://git:pw@example.org/r.git", "ssh://git@example.org/r.git"),
        ("git@example.org:r.git", "git@example.org:r.git"),
        ("/srv/r.git", "/srv/r.git"),
    ],
)
def test_a_remote_is_noted_without_credentials(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


def state_of(folder: Path) -> GitState:
    found = read_head(folder)
    assert found is not None
    return found.with_changes(with_diff=True)
