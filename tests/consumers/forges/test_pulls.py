"""Pull requests of GitHub and merge requests of GitLab, as they send them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from consumers.forges.github import translate as github
from consumers.forges.gitlab import translate as gitlab
from consumers.forges.meaning import Ignored, Meaning, Statement
from consumers.intake.admission import Account, account_of
from schemas.envelope import Aggregate
from schemas.errors import PayloadInvalid
from schemas.events.pull import PullClosed, PullOpened, PullUpdated
from schemas.repository import Repository
from tests.consumers.forges.samples import (
    A,
    B,
    account,
    delivery,
    github_repository,
    gitlab_project,
)

AT = datetime(2026, 1, 31, 12, 0, 5, tzinfo=UTC)


def github_pull_body(action: str, *, fork: bool = False, **changes: Any) -> dict[str, Any]:
    """Return GitHub's event ``pull_request``."""
    repository = github_repository()
    owner = "mallory" if fork else "Octo"
    origin = {"id": 2 if fork else repository["id"], "full_name": f"{owner}/Hello-World"}
    pull = {
        "id": 279147437,
        "number": 7,
        "state": "open",
        "title": "Say hello",
        "user": account(owner),
        "body": None,
        "updated_at": "2026-01-31T12:00:05Z",
        "head": {
            "label": f"{owner}:hello",
            "ref": "hello",
            "sha": A,
            "repo": origin | {"fork": fork},
        },
        "base": {"label": "Octo:main", "ref": "main", "sha": B, "repo": repository},
        "merged": False,
        "draft": False,
    }
    return {
        "action": action,
        "number": 7,
        "pull_request": pull | changes.pop("pull", {}),
        "repository": repository,
        "sender": account("ada"),
        "installation": {"id": 957387, "node_id": "MDIz"},
        **changes,
    }


def github_pull(action: str, *, fork: bool = False, **changes: Any) -> Meaning:
    """Return what GitHub's event ``pull_request`` means."""
    body = github_pull_body(action, fork=fork, **changes)
    return github.translate(delivery("github", "pull_request", body))


def gitlab_pull(
    action: str, *, system: bool = False, project: dict[str, Any] | None = None, **changes: Any
) -> Meaning:
    """Return what GitLab's merge request hook means."""
    body = {
        "object_kind": "merge_request",
        "event_type": "merge_request",
        "user": {"id": 1, "name": "Ada Lovelace", "username": "ada", "email": "[REDACTED]"},
        "project": gitlab_project() | (project or {}),
        "object_attributes": {
            "id": 99,
            "iid": 7,
            "target_branch": "main",
            "source_branch": "hello",
            "source_project_id": 15,
            "target_project_id": 15,
            "title": "Say hello",
            "state": "opened",
            "updated_at": "2026-01-31 12:00:05 UTC",
            "last_commit": {"id": A, "message": "Say hello"},
            "source": gitlab_project(),
            "action": action,
            **changes,
        },
    }
    kind = "System Hook" if system else "Merge Request Hook"
    return gitlab.translate(delivery("gitlab", kind, body))


def only(meaning: Meaning) -> Statement:
    """Return the one statement."""
    assert isinstance(meaning.says, tuple), meaning
    (said,) = meaning.says
    return said


def test_an_opened_pull_request() -> None:
    """Its commit, where it is to go, and the repository that it is built for."""
    meaning = github_pull("opened")

    said = only(meaning)
    assert (said.of, said.name) == (Aggregate("github", "1296269", "pull", "7"), "Octo/Hello-World")
    assert said.fact == PullOpened(
        number=7,
        branch="hello",
        sha=A,
        base="main",
        repository=Repository(
            owner="Octo",
            name="Hello-World",
            default_branch="main",
            clone_url="https://github.com/Octo/Hello-World.git",
            private=True,
            installation="957387",
        ),
        author="Octo",
        fork=False,
        head="Octo/Hello-World",
        updated=AT,
    )
    assert meaning.actor == "ada"


def test_an_opened_merge_request() -> None:
    """GitLab tells the same in other words, to projects and to the whole instance."""
    said = only(gitlab_pull("open"))

    assert said.of == Aggregate("gitlab", "15", "pull", "7")
    assert isinstance(said.fact, PullOpened)
    assert (said.fact.sha, said.fact.branch, said.fact.base) == (A, "hello", "main")
    assert (said.fact.author, said.fact.fork, said.fact.updated) == ("ada", False, AT)
    assert only(gitlab_pull("open", system=True)).fact == said.fact


@pytest.mark.parametrize("gone", [False, True])
def test_a_fork_is_told_from_ours(gone: bool) -> None:  # noqa: FBT001 - two cases of one test
    """A commit of a repository that anybody may own is marked, also when that was deleted."""
    pull = {"head": {"ref": "hello", "sha": A, "repo": None}} if gone else {}
    ours, theirs = (
        only(github_pull("reopened")).fact,
        only(github_pull("opened", fork=True, pull=pull)).fact,
    )
    other = only(gitlab_pull("reopen", source_project_id=None if gone else 16)).fact

    assert isinstance(ours, PullOpened)
    assert isinstance(theirs, PullOpened)
    assert isinstance(other, PullOpened)
    assert (ours.fork, theirs.fork, other.fork) == (False, True, True)


def test_a_pull_request_that_moved() -> None:
    """New commits and another base are news; the head before is told where the forge does."""
    moved = only(github_pull("synchronize", before=B, after=A)).fact
    based = only(github_pull("edited", changes={"base": {"ref": {"from": "old"}}})).fact
    merge = only(gitlab_pull("update", oldrev=B)).fact

    assert isinstance(moved, PullUpdated)
    assert isinstance(merge, PullUpdated)
    assert isinstance(based, PullUpdated)
    assert (moved.before, merge.before, based.before) == (B, B, "")


@pytest.mark.parametrize("merged", [False, True])
def test_a_closed_pull_request(merged: bool) -> None:  # noqa: FBT001 - two cases of one test
    """Merged or given up, it ends."""
    hub = only(github_pull("closed", pull={"merged": merged, "state": "closed"})).fact
    lab = only(gitlab_pull("merge" if merged else "close")).fact

    assert hub == lab == PullClosed(7, A, merged, AT)


@pytest.mark.parametrize(
    "meaning",
    [
        github_pull("labeled"),
        github_pull("review_requested"),
        github_pull("edited", changes={"title": {"from": "old"}}),
        gitlab_pull("approved"),
        gitlab_pull("update"),
        gitlab_pull(""),
    ],
)
def test_what_changes_no_commit(meaning: Meaning) -> None:
    """Labels, reviews and titles build nothing, and are told by name."""
    assert isinstance(meaning.says, Ignored)
    assert "nothing is to be built" in meaning.says.reason


def test_a_broken_payload_names_its_field() -> None:
    """A commit that is none is refused by its place in the payload."""
    with pytest.raises(PayloadInvalid, match=r"head\.sha"):
        github_pull("opened", pull={"head": {"ref": "hello", "sha": "short", "repo": None}})
    with pytest.raises(PayloadInvalid, match=r"last_commit\.id"):
        gitlab_pull("open", last_commit={"id": "short"})


def test_an_unreadable_time_is_none() -> None:
    """Without a time the order is not known, and the forge is asked for the head."""
    fact = only(gitlab_pull("open", updated_at="yesterday")).fact

    assert isinstance(fact, PullOpened)
    assert fact.updated is None


def test_whose_leave_a_pull_request_needs() -> None:
    """The owner's of the repository that it is built for, not that of the fork."""
    assert account_of(github_pull("opened", fork=True)) == Account("github", "Octo")
    assert account_of(gitlab_pull("open")) == Account("gitlab", "mike/sub")
    assert account_of(github_pull("closed")) is None
