"""Signing in by GitHub, against one that refuses what GitHub's documentation says it refuses."""

import pytest

from edge.auth.signin.attempt import Attempt, Destination, begin
from edge.auth.signin.errors import (
    ProviderAnswered,
    ProviderDenied,
    ProviderRefused,
    ProviderUnavailable,
)
from edge.auth.signin.github import GitHub
from edge.auth.signin.provider import Answer
from schemas.people import Membership
from tests.heavy.identity.github import PlayedGitHub

BACK = "http://system.localhost:8080/login/callback/github"


def provider(github: PlayedGitHub, *redirects: str) -> GitHub:
    """Return ours, set up with a client that is registered there."""
    client = github.client("Iv1.ours", *(redirects or (BACK,)))
    return GitHub(github.url, client.id, client.secret)


async def come_back(
    github: PlayedGitHub, ours: GitHub, login: str = "Alice"
) -> tuple[Answer, Attempt]:
    """Return what a browser brings back once its user has approved, and the attempt."""
    attempt = begin("github", Destination())
    said = github.visit(await ours.authorize_url(attempt, BACK), login)
    assert said["state"] == attempt.state
    return Answer(said["code"]), attempt


async def test_somebody_is_told_from_others_by_an_id_and_has_roles(github: PlayedGitHub) -> None:
    """An admin is owner, a member member, of the own account one is owner; pending is nothing."""
    ours = provider(github)
    github.account(
        583231, "Alice", Acme="admin", beta="member", pays="billing_manager", c="pending"
    )

    person = await ours.person(*await come_back(github, ours), BACK)

    assert (person.user, person.login) == ("github:583231", "github:Alice")
    assert set(person.memberships) == {
        Membership("github", "alice", "owner"),
        Membership("github", "acme", "owner"),
        Membership("github", "beta", "member"),
    }


@pytest.mark.conformance("GetOrganizations")
async def test_all_pages_of_organisations_count(github: PlayedGitHub) -> None:
    """The predecessor read the first page only (weaknesses, asked for by users as item 9)."""
    ours = provider(github)
    github.account(1, "Alice", **{f"org-{number}": "member" for number in range(205)})

    person = await ours.person(*await come_back(github, ours), BACK)

    assert len(person.memberships) == 206
    assert github.calls.count("GET /api/v3/user/memberships/orgs") == 3


@pytest.mark.weakness(9)
async def test_the_token_is_given_back(github: PlayedGitHub) -> None:
    """Nothing of GitHub's is left with us, also where the person was not found out."""
    ours = provider(github)
    github.account(1, "Alice")
    await ours.person(*await come_back(github, ours), BACK)
    assert len(github.gone) == 1

    answer = await come_back(github, ours)
    github.accounts["Alice"].groups.update(dict.fromkeys(map(str, range(1001)), "member"))
    with pytest.raises(ProviderAnswered, match="1002 groups"):
        await ours.person(*answer, BACK)

    assert len(github.gone) == 2
    assert not github.tokens


async def test_a_code_is_good_once(github: PlayedGitHub) -> None:
    """A code that was used is refused in words that say what to do."""
    ours = provider(github)
    github.account(1, "Alice")
    answer, attempt = await come_back(github, ours)
    await ours.person(answer, attempt, BACK)

    with pytest.raises(ProviderDenied, match="sign in again"):
        await ours.person(answer, attempt, BACK)


@pytest.mark.weakness(9)
async def test_a_code_without_its_verifier_is_worth_nothing(github: PlayedGitHub) -> None:
    """Whoever steals a code cannot use it with an attempt of their own."""
    ours = provider(github)
    github.account(1, "Alice")
    answer, _ = await come_back(github, ours)

    with pytest.raises(ProviderDenied):
        await ours.person(answer, begin("github", Destination()), BACK)


async def test_a_code_of_another_client_is_refused(github: PlayedGitHub) -> None:
    """Codes are for whom they were made."""
    theirs = github.client("Iv1.theirs", BACK)
    other = GitHub(github.url, theirs.id, theirs.secret)
    ours = provider(github)
    github.account(1, "Alice")

    with pytest.raises(ProviderDenied):
        await ours.person(*await come_back(github, other), BACK)


async def test_a_wrong_secret_is_the_operators_to_mend(github: PlayedGitHub) -> None:
    """The page names the setting, and not the secret."""
    client = github.client("Iv1.ours", BACK)
    ours = GitHub(github.url, client.id, "not the secret")
    github.account(1, "Alice")

    with pytest.raises(ProviderRefused, match="PUSHLINE_GITHUB_CLIENT_ID") as caught:
        await ours.person(*await come_back(github, ours), BACK)

    assert "not the secret" not in str(caught.value)
    assert "not the secret" not in repr(ours)


async def test_an_outage_is_one(github: PlayedGitHub) -> None:
    """Five hundreds and dead lines are for later; nothing that was sent stands in the error."""
    ours = provider(github)
    github.account(1, "Alice")
    answer, attempt = await come_back(github, ours)
    github.down = 502
    with pytest.raises(ProviderUnavailable, match="502"):
        await ours.person(answer, attempt, BACK)

    dead = GitHub("http://127.0.0.1:9", "Iv1.ours", "the secret")
    with pytest.raises(ProviderUnavailable) as caught:
        await dead.person(answer, attempt, BACK)

    assert "the secret" not in str(caught.value)
    assert answer.code not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_scope_that_was_not_given_is_asked_for_again(github: PlayedGitHub) -> None:
    """Without the right to see organisations nobody is signed in as if they had none."""
    ours = provider(github)
    github.account(1, "Alice")
    attempt = begin("github", Destination())
    url = await ours.authorize_url(attempt, BACK)
    said = github.visit(url.replace("read%3Aorg", "gist"), "Alice")

    with pytest.raises(ProviderDenied, match="read:org"):
        await ours.person(Answer(said["code"]), attempt, BACK)

    assert not github.tokens
