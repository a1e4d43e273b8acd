"""What deliveries mean, by the predecessor's own vectors."""

from typing import Any

import pytest

from consumers.forges.github.translate import translate as github
from consumers.forges.gitlab.translate import translate as gitlab
from consumers.forges.meaning import Ignored, Push
from schemas.errors import PayloadInvalid
from tests.consumers.forges.samples import (
    delivery,
    github_push,
    gitlab_project,
    gitlab_push,
    gitlab_system,
)


def pushed(**changes: Any) -> Push:
    """Return what GitLab's push means."""
    says = gitlab(delivery("gitlab", "System Hook", gitlab_push(**changes))).says
    assert isinstance(says, Push)
    return says


@pytest.mark.conformance("gitlab events")
def test_which_events_of_gitlab_are_taken() -> None:
    """GitLab events: push, project_update and project_destroy, and not repository_update."""
    assert pushed().branch == "main"
    for event in ("project_update", "project_destroy"):
        says = gitlab(delivery("gitlab", "System Hook", gitlab_system(event))).says
        assert not isinstance(says, Ignored)
    other = gitlab(delivery("gitlab", "System Hook", gitlab_system("repository_update"))).says
    assert isinstance(other, Ignored)


@pytest.mark.conformance("github-push")
@pytest.mark.parametrize("kind", ["", "IssueComment", "issue_comment"])
def test_another_kind_is_no_push(kind: str) -> None:
    """GitHub-push: what is no push is said to be none, and builds nothing."""
    assert isinstance(github(delivery("github", kind, github_push())).says, Ignored)


@pytest.mark.conformance("visibility")
@pytest.mark.parametrize(("level", "private"), [(0, True), (10, True), (20, False)])
def test_what_not_everybody_sees_is_private(level: int, *, private: bool) -> None:
    """Visibility: 0 and 10 are private, 20 is public."""
    project = gitlab_project(visibility_level=level)

    assert pushed(project=project).repository.private is private


@pytest.mark.conformance("filterBranchRef")
@pytest.mark.weakness(18)
@pytest.mark.parametrize("branch", ["some/format/master", "dev", "master"])
def test_a_branch_is_its_whole_name(branch: str) -> None:
    """FilterBranchRef: it took the last word, so that feature/master was master; ours is whole."""
    assert pushed(ref=f"refs/heads/{branch}").branch == branch


@pytest.mark.conformance("filterBranchRef")
def test_no_ref_is_no_branch() -> None:
    """FilterBranchRef: an empty one is refused by the name of its field."""
    with pytest.raises(PayloadInvalid, match="ref"):
        pushed(ref="")


@pytest.mark.conformance("getUser")
@pytest.mark.parametrize("path", ["a:b", ""])
def test_a_project_without_an_owner_is_refused(path: str) -> None:
    """GetUser: its error, with the field's name."""
    with pytest.raises(PayloadInvalid, match="path_with_namespace"):
        pushed(project=gitlab_project(path_with_namespace=path))
