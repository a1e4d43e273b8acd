"""Signing in by GitLab, against one that refuses what Doorkeeper refuses."""

import pytest

from edge.auth.signin.attempt import Attempt, Destination, begin
from edge.auth.signin.errors import ProviderAnswered, ProviderDenied, ProviderRefused
from edge.auth.signin.gitlab import GitLab
from edge.auth.signin.provider import Answer
from schemas.people import Membership
from tests.heavy.identity.gitlab import PlayedGitLab

BACK = "http://system.localhost:8080/login/callback/gitlab"


@pytest.fixture
def ours(gitlab: PlayedGitLab) -> GitLab:
    """Return ours, set up with an application that is registered there."""
    client = gitlab.client("ours", BACK)
    return GitLab(gitlab.url, client.id, client.secret)


async def come_back(gitlab: PlayedGitLab, ours: GitLab, login: str) -> tuple[Answer, Attempt]:
    """Return what a browser brings back once its user has approved, and the attempt."""
    attempt = begin("gitlab", Destination())
    said = gitlab.visit(await ours.authorize_url(attempt, BACK), login)
    return Answer(said["code"]), attempt


async def test_levels_become_roles(gitlab: PlayedGitLab, ours: GitLab) -> None:
    """Owner is owner, Maintainer and Developer member, below that viewer; subgroups inherit."""
    gitlab.account(42, "Alice", Top="50", main="40", dev="30", plan="15", guest="10")
    gitlab.subgroups = ["Top/deep/er", "main/sub", "foreign/sub"]

    person = await ours.person(*await come_back(gitlab, ours, "Alice"), BACK)

    assert (person.user, person.login) == ("gitlab:42", "gitlab:Alice")
    assert {(one.owner, one.role) for one in person.memberships} == {
        ("alice", "owner"),
        ("top", "owner"),
        ("top/deep/er", "owner"),
        ("main", "member"),
        ("main/sub", "member"),
        ("dev", "member"),
        ("plan", "viewer"),
        ("guest", "viewer"),
    }


async def test_all_pages_of_groups_count(gitlab: PlayedGitLab, ours: GitLab) -> None:
    """A group on the third page is a group (users of the predecessor asked for it, item 9)."""
    gitlab.account(1, "alice", **{f"group-{number}": "30" for number in range(250)})

    person = await ours.person(*await come_back(gitlab, ours, "alice"), BACK)

    assert Membership("gitlab", "group-249", "member") in person.memberships
    assert len(person.memberships) == 251


async def test_a_list_that_leads_away_is_not_followed(gitlab: PlayedGitLab, ours: GitLab) -> None:
    """The token goes to GitLab's own origin alone."""
    gitlab.account(1, "alice", **{f"group-{number}": "30" for number in range(101)})
    gitlab.elsewhere = "http://127.0.0.1:9"

    with pytest.raises(ProviderAnswered, match="another address"):
        await ours.person(*await come_back(gitlab, ours, "alice"), BACK)

    assert not gitlab.tokens


@pytest.mark.weakness(9)
async def test_tokens_are_given_back(gitlab: PlayedGitLab, ours: GitLab) -> None:
    """The one that asks and the one that renews it."""
    gitlab.account(1, "alice")
    await ours.person(*await come_back(gitlab, ours, "alice"), BACK)

    assert len(gitlab.gone) == 2
    assert not gitlab.tokens


async def test_a_code_is_good_once(gitlab: PlayedGitLab, ours: GitLab) -> None:
    """The second time it is no code any more."""
    gitlab.account(1, "alice")
    answer = await come_back(gitlab, ours, "alice")
    await ours.person(*answer, BACK)

    with pytest.raises(ProviderDenied, match="sign in again"):
        await ours.person(*answer, BACK)


async def test_a_blocked_account_gets_nowhere(gitlab: PlayedGitLab, ours: GitLab) -> None:
    """Whoever GitLab's administrator has blocked is blocked here too."""
    gitlab.account(1, "alice")
    gitlab.blocked.add("alice")

    with pytest.raises(ProviderDenied, match="blocked"):
        await ours.person(*await come_back(gitlab, ours, "alice"), BACK)


async def test_a_wrong_secret_is_the_operators_to_mend(gitlab: PlayedGitLab, ours: GitLab) -> None:
    """The page names the setting."""
    gitlab.account(1, "alice")
    wrong = GitLab(ours.url, ours.client, "not the secret")

    with pytest.raises(ProviderRefused, match="PUSHLINE_GITLAB_CLIENT_ID"):
        await wrong.person(*await come_back(gitlab, ours, "alice"), BACK)
