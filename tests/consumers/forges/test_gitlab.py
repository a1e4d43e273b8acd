"""GitLab's deliveries in our words."""

import pytest

from consumers.forges.gitlab.translate import translate
from consumers.forges.meaning import Ignored, Push, Statement
from schemas.envelope import Aggregate, tenant
from schemas.errors import PayloadInvalid
from schemas.events import Event
from schemas.events.project import ProjectRemoved, ProjectRenamed, ProjectUpdated
from schemas.events.tenant import TenantRenamed
from schemas.repository import Repository
from tests.consumers.forges.samples import (
    GITLAB_HOOKS,
    GITLAB_SYSTEM_EVENTS,
    ZERO,
    A,
    B,
    delivery,
    gitlab_project,
    gitlab_push,
    gitlab_system,
)


@pytest.mark.parametrize("hook", ["Push Hook", "System Hook"])
def test_a_push(hook: str) -> None:
    """A project's webhook and the system hook say the same; the tenant is the whole namespace."""
    meaning = translate(delivery("gitlab", hook, gitlab_push()))

    assert meaning.actor == "ada"
    assert meaning.says == Push(
        of=Aggregate("gitlab", "15", "branch", "main"),
        branch="main",
        before=A,
        after=B,
        repository=Repository(
            owner="mike/sub",
            name="diaspora",
            default_branch="main",
            clone_url="https://gitlab.example/mike/sub/diaspora.git",
        ),
        pusher="ada",
    )
    assert "Ada" not in str(meaning)


@pytest.mark.parametrize(("level", "private"), [(0, True), (10, True), (20, False)])
def test_internal_is_private(level: int, *, private: bool) -> None:
    """Only a public project can be cloned by everybody."""
    body = gitlab_push(project=gitlab_project(visibility_level=level))
    says = translate(delivery("gitlab", "Push Hook", body)).says

    assert isinstance(says, Push)
    assert says.repository.private is private


@pytest.mark.weakness(18)
@pytest.mark.parametrize(
    ("ref", "branch"),
    [
        ("refs/heads/main", "main"),
        ("refs/heads/feature/main", "feature/main"),
        ("refs/heads/refs/heads/main", "refs/heads/main"),
        ("refs/tags/main", ""),
        ("refs/merge-requests/1/head", ""),
        ("main", ""),
    ],
)
@pytest.mark.parametrize("after", [B, ZERO])
def test_a_branch_is_its_whole_name(ref: str, branch: str, after: str) -> None:
    """Never the last segment of a ref; tags are none, and one that is deleted is not built."""
    says = translate(delivery("gitlab", "Push Hook", gitlab_push(ref=ref, after=after))).says

    if not branch:
        assert isinstance(says, Ignored)
        return
    assert isinstance(says, Push)
    assert (says.branch, says.of.id, says.after) == (branch, branch, after)


def test_an_older_system_hook_has_no_login() -> None:
    """It tells the display name alone, which is nobody's login."""
    body = gitlab_push()
    del body["user_username"]
    meaning = translate(delivery("gitlab", "System Hook", body))

    assert meaning.actor == ""


def test_the_first_push_of_an_empty_project() -> None:
    """GitLab may tell no default branch yet: the branch that was pushed becomes it."""
    body = gitlab_push(before=ZERO, project=gitlab_project(default_branch=None))
    says = translate(delivery("gitlab", "Push Hook", body)).says

    assert isinstance(says, Push)
    assert says.repository.default_branch == "main"


@pytest.mark.weakness(8)
@pytest.mark.parametrize(
    ("event", "fact"),
    [
        ("project_create", ProjectUpdated("jsmith", "storecloud", private=True)),
        ("project_update", ProjectUpdated("jsmith", "storecloud", private=True)),
        ("project_rename", ProjectRenamed("jsmith", "storecloud")),
        ("project_transfer", ProjectRenamed("jsmith", "storecloud")),
        ("project_destroy", ProjectRemoved("the project was destroyed at the forge")),
    ],
)
def test_a_project_s_life(event: str, fact: Event) -> None:
    """A rename keeps the identity, which is the number; an update is no removal."""
    body = gitlab_system(event, old_path_with_namespace="jsmith/overscore")
    for hook in ("System Hook", "Project Hook"):  # of the instance, of a group
        meaning = translate(delivery("gitlab", hook, body))

        of = Aggregate("gitlab", "74", "project", "")
        assert meaning.says == (Statement(of, fact, (), "jsmith/storecloud"),)
        assert meaning.kind == event


@pytest.mark.parametrize(
    ("body", "old", "new"),
    [
        (
            {"event_name": "group_rename", "old_full_path": "Top/Old", "full_path": "top/new"},
            "top/old",
            "top/new",
        ),
        ({"event_name": "user_rename", "old_username": "Ada", "username": "eve"}, "ada", "eve"),
    ],
)
def test_a_namespace_gets_another_name(body: dict[str, str], old: str, new: str) -> None:
    """Of a group by its whole path; GitLab tells nothing of the projects that go along."""
    says = translate(delivery("gitlab", "System Hook", body | {"path": "x", "old_path": "y"})).says

    assert isinstance(says, tuple)
    assert [(one.of, one.fact) for one in says] == [(tenant("gitlab", old), TenantRenamed(new))]


def test_a_name_in_other_letters_is_the_same_name() -> None:
    """GitLab tells no names apart by case, and neither do we."""
    body = {"event_name": "user_rename", "old_username": "Ada", "username": "ada"}

    assert isinstance(translate(delivery("gitlab", "System Hook", body)).says, Ignored)


@pytest.mark.parametrize("event", GITLAB_SYSTEM_EVENTS)
def test_other_system_hooks_are_ignored(event: str) -> None:
    """They change nothing here, by name."""
    body = {"event_name": event, "user_id": 41, "project_id": 1}
    meaning = translate(delivery("gitlab", "System Hook", body))

    assert meaning.kind == event
    assert isinstance(meaning.says, Ignored)


def test_a_system_hook_of_the_newer_shape() -> None:
    """It has ``object_kind`` in place of ``event_name``."""
    body = {"object_kind": "gitlab_subscription_member_approval", "action": "enqueue"}
    meaning = translate(delivery("gitlab", "System Hook", body))

    assert meaning.kind == "gitlab_subscription_member_approval"
    assert isinstance(meaning.says, Ignored)


@pytest.mark.parametrize("hook", [*GITLAB_HOOKS, "", "Never Heard Of Hook"])
@pytest.mark.parametrize("body", [b"{}", b"", b"\xff"])
def test_other_hooks_are_ignored(hook: str, body: bytes) -> None:
    """They are not even decoded."""
    assert isinstance(translate(delivery("gitlab", hook, body)).says, Ignored)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"project_id": "15"}, r"\$\.project_id"),
        ({"project": gitlab_project(path_with_namespace="diaspora")}, "path_with_namespace"),
        ({"project": gitlab_project(git_http_url="git@host:x.git")}, "git_http_url"),
        ({"after": None}, r"\$\.after"),
    ],
)
def test_a_payload_that_lacks_something_names_the_field(
    changes: dict[str, object], field: str
) -> None:
    """The error says which field is wrong."""
    with pytest.raises(PayloadInvalid, match=field):
        translate(delivery("gitlab", "Push Hook", gitlab_push(**changes)))
