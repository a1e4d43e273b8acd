"""Signing in by an OpenID Connect issuer, one that lies in every way that matters among them."""

import itertools

import pytest

from edge.auth.labels import Tenant
from edge.auth.signin.attempt import Attempt, Destination, begin
from edge.auth.signin.discovery import Discovery
from edge.auth.signin.errors import ProviderAnswered, ProviderRefused
from edge.auth.signin.oidc import OpenId
from edge.auth.signin.provider import Answer
from schemas.people import Membership
from tests.heavy.identity.oidc import Lie, PlayedIssuer
from tests.heavy.identity.played import playing

BACK = "http://system.localhost:8080/login/callback/oidc"
LABELS = {"shop": Tenant("gitlab", "shop/team")}


def provider(issuer: PlayedIssuer, secret: str | None = None) -> OpenId:
    """Return ours, set up with a client that is registered there; it never waits for keys."""
    client = issuer.client("ours +%", BACK)
    minutes = itertools.count(0, 60)
    return OpenId(
        Discovery(issuer.url, now=lambda: next(minutes)),
        client.id,
        client.secret if secret is None else secret,
        "SSO",
        "groups",
        LABELS.get,
    )


async def come_back(issuer: PlayedIssuer, ours: OpenId) -> tuple[Answer, Attempt]:
    """Return what a browser brings back once its user has approved, and the attempt."""
    attempt = begin("oidc", Destination())
    said = issuer.visit(await ours.authorize_url(attempt, BACK), "alice")
    return Answer(said["code"], said.get("iss", "")), attempt


@pytest.mark.parametrize("where", ["token", "userinfo"])
async def test_groups_become_roles(issuer: PlayedIssuer, where: str) -> None:
    """From the token or from userinfo; ``forge/owner`` or a label, with a role or without."""
    issuer.groups_in = "token" if where == "token" else "userinfo"
    issuer.accounts["alice"] = issuer.account(7, "alice")
    groups = ("/github/Acme:owner", "shop", "gitlab/a/b:viewer", "unknown", "svn/x:owner", "a b")
    issuer.accounts["alice"].groups.update(dict.fromkeys(groups, ""))
    ours = provider(issuer)

    person = await ours.person(*await come_back(issuer, ours), BACK)

    assert (person.user, person.login) == ("oidc:subject-7", "oidc:alice")
    assert set(person.memberships) == {
        Membership("github", "acme", "owner"),
        Membership("gitlab", "shop/team", "member"),
        Membership("gitlab", "a/b", "viewer"),
    }


LIES: tuple[Lie, ...] = (
    "nonce", "audience", "issuer", "none", "shared", "expired", "kid", "party", "unsigned",
)  # fmt: skip


@pytest.mark.weakness(9)
@pytest.mark.parametrize("lie", LIES)
async def test_a_token_that_lies_signs_nobody_in(issuer: PlayedIssuer, lie: Lie) -> None:
    """Another attempt's, client's or issuer's; expired; unsigned; by a key that nobody knows."""
    issuer.account(7, "alice")
    ours = provider(issuer)
    answer = await come_back(issuer, ours)
    issuer.lie = lie

    with pytest.raises(ProviderAnswered):
        await ours.person(*answer, BACK)


async def test_the_same_token_without_the_lie_signs_in(issuer: PlayedIssuer) -> None:
    """What the cases above refuse is the lie."""
    issuer.account(7, "alice")
    ours = provider(issuer)

    assert (await ours.person(*await come_back(issuer, ours), BACK)).user == "oidc:subject-7"


async def test_rsa_is_taken_too() -> None:
    """RS256 is what most issuers sign by."""
    with playing(PlayedIssuer("RS256")) as issuer:
        issuer.account(7, "alice")
        ours = provider(issuer)

        assert (await ours.person(*await come_back(issuer, ours), BACK)).login == "oidc:alice"


async def test_keys_that_rotate_are_looked_up_again(issuer: PlayedIssuer) -> None:
    """A key that is not known is asked for once; the one that is known costs no request."""
    issuer.account(7, "alice")
    ours = provider(issuer)
    await ours.person(*await come_back(issuer, ours), BACK)
    issuer.rotate()

    await ours.person(*await come_back(issuer, ours), BACK)

    assert issuer.calls.count("GET /jwks") == 2


async def test_unknown_keys_are_no_flood(issuer: PlayedIssuer) -> None:
    """Within ten seconds the issuer is asked for its keys once, whatever tokens say."""
    issuer.account(7, "alice")
    client = issuer.client("ours", BACK)
    discovery = Discovery(issuer.url, now=lambda: 0.0)
    ours = OpenId(discovery, client.id, client.secret, "SSO", "groups", LABELS.get)
    issuer.lie = "kid"

    for _ in range(3):
        with pytest.raises(ProviderAnswered, match="does not show"):
            await ours.person(*await come_back(issuer, ours), BACK)

    assert issuer.calls.count("GET /jwks") == 1


@pytest.mark.parametrize("iss", ["https://attacker.example", None])
async def test_an_answer_of_another_issuer_is_refused(
    issuer: PlayedIssuer, iss: str | None
) -> None:
    """RFC 9207: whoever says that it names itself has to; the code goes nowhere."""
    issuer.account(7, "alice")
    ours = provider(issuer)
    (answer, attempt) = await come_back(issuer, ours)

    with pytest.raises(ProviderAnswered, match="issuer that was asked"):
        await ours.person(Answer(answer.code, iss or ""), attempt, BACK)

    assert "POST /token" not in issuer.calls


async def test_an_issuer_that_never_names_itself_is_believed(issuer: PlayedIssuer) -> None:
    """RFC 9207 is younger than most of them."""
    issuer.iss = None
    issuer.account(7, "alice")
    ours = provider(issuer)

    assert (await ours.person(*await come_back(issuer, ours), BACK)).user == "oidc:subject-7"


async def test_an_issuer_that_speaks_for_another_is_refused(issuer: PlayedIssuer) -> None:
    """Discovery has to name the very issuer that was configured."""
    issuer.claims_to_be = "https://accounts.example"
    ours = provider(issuer)

    with pytest.raises(ProviderAnswered, match="PUSHLINE_OIDC_ISSUER"):
        await ours.authorize_url(begin("oidc", Destination()), BACK)


async def test_userinfo_of_somebody_else_is_refused(issuer: PlayedIssuer) -> None:
    """Groups are those of the token's subject."""
    issuer.account(7, "alice")
    issuer.groups_in, issuer.userinfo_subject = "userinfo", "subject-1"
    ours = provider(issuer)

    with pytest.raises(ProviderAnswered, match="somebody else"):
        await ours.person(*await come_back(issuer, ours), BACK)


async def test_the_secret_goes_as_the_issuer_takes_it(issuer: PlayedIssuer) -> None:
    """In the body where it takes no Basic; a wrong one is the operator's to mend."""
    issuer.methods = ["client_secret_post"]
    issuer.account(7, "alice")
    ours = provider(issuer)
    assert (await ours.person(*await come_back(issuer, ours), BACK)).login == "oidc:alice"

    wrong = provider(issuer, "not the secret")
    with pytest.raises(ProviderRefused, match="PUSHLINE_OIDC_CLIENT_ID"):
        await wrong.person(*await come_back(issuer, wrong), BACK)


async def test_a_name_that_could_be_anything_is_not_taken(issuer: PlayedIssuer) -> None:
    """People choose it: one with line ends or blanks gives way to the subject."""
    issuer.account(7, "alice")
    issuer.accounts["alice"] = issuer.account(7, "admin\r\nce-actor: root")
    ours = provider(issuer)

    person = await ours.person(*await come_back(issuer, ours), BACK)

    assert person.login == "oidc:subject-7"
