"""The verifier: what is good, what is not, and what ends what was good."""

import base64
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest

from edge.auth.book import Book
from edge.auth.people import PLATFORM, Caller
from edge.auth.settings import HOST_COOKIE, AuthSettings, digest
from edge.auth.signing import new_key
from edge.auth.verifier import MOST, NotReady, Verifier
from schemas.envelope import Aggregate
from schemas.events.token import TokenUsed
from schemas.people import Membership, Role
from tests.edge.auth.told import ALICE, BOB, HOUR, Told

HOST = "alice.localhost"
SETTINGS = AuthSettings(operators=("github:bob",), token_digest=digest("the one token"))
OWNER: tuple[str, Role] = ("alice", "owner")


class Desk:
    """A verifier, and a book that is told what happened."""

    def __init__(self, settings: AuthSettings = SETTINGS) -> None:
        """Begin with one key."""
        book = Book.make(None)
        self.verifier = Verifier(book, settings)
        self.verifier.prepare()
        self.told = Told(book, settings)

    def of(self, token: bytes, host: str = HOST) -> Caller | None:
        """Return who has this session's cookie."""
        cookie = f"a=1; {self.told.settings.cookie}=".encode() + token
        return self.verifier.caller(authorization=b"", cookie=cookie, host=host)

    def by(self, text: str) -> Caller | None:
        """Return who has this API token."""
        header = f"Bearer {text}".encode()
        return self.verifier.caller(authorization=header, cookie=b"", host=HOST)


@pytest.fixture
def desk() -> Desk:
    """Return one with plain settings."""
    return Desk()


def test_a_session_is_a_person(desk: Desk) -> None:
    """With what the newest sign-in told, and until the session ends; the same object each time."""
    session = desk.told.signed_in(ALICE, OWNER)
    token = desk.told.token(session, HOST)
    found = desk.of(token)

    assert found is not None
    assert (found.kind, found.user, found.actor) == ("person", ALICE, "github:Alice")
    assert found.memberships == (Membership("github", "alice", "owner"),)
    assert (found.session, found.operator, found.scopes) == (session, False, None)
    assert found.until is not None
    assert abs(found.until - desk.told.now - HOUR) < timedelta(seconds=1)
    assert desk.of(token) is found


ANOTHER = new_key()
WRONG: dict[str, Callable[[Desk, str], bytes]] = {
    "another host": lambda desk, session: desk.told.token(session, "bob.localhost"),
    "several hosts": lambda desk, session: desk.told.token(session, HOST, aud=[HOST, "b"]),
    "another issuer": lambda desk, session: desk.told.token(session, HOST, iss="http://evil"),
    "ended": lambda desk, session: desk.told.token(session, HOST, exp=int(time.time()) - 60),
    "of tomorrow": lambda desk, session: desk.told.token(session, HOST, nbf=time.time() + 600),
    "issued tomorrow": lambda desk, session: desk.told.token(session, HOST, iat=time.time() + 600),
    "another person's": lambda desk, session: desk.told.token(session, HOST, BOB),
    "an unknown session": lambda desk, _: desk.told.token("session-x", HOST),
    "an unknown key": lambda desk, session: resigned(desk.told.token(session, HOST)),
    "a key's name alone": lambda desk, session: resigned(
        desk.told.token(session, HOST), kid=desk.told.key.kid
    ),
    "unsigned": lambda desk, session: forged(desk, session, {"alg": "none"}, b""),
    "a secret for a key": lambda desk, session: forged(desk, session, {"alg": "HS256"}, None),
    "not a token": lambda *_: b"x.y.z",
    "half of one": lambda desk, session: desk.told.token(session, HOST).rpartition(b".")[0],
    "too long": lambda desk, session: desk.told.token(session, HOST, more="x" * 3000),
    **{
        f"without {claim}": lambda desk, session, claim=claim: desk.told.token(  # type: ignore[misc]
            session, HOST, **{claim: None}
        )
        for claim in ("iss", "aud", "sub", "sid", "iat", "nbf", "exp")
    },
}


def resigned(token: bytes, **header: str) -> bytes:
    """Return what a token says, signed by a key that nobody published."""
    body = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(
        body, ANOTHER.loaded(), algorithm="ES256", headers={"kid": ANOTHER.kid, **header}
    ).encode()


def forged(desk: Desk, session: str, header: dict[str, str], signature: bytes | None) -> bytes:
    """Return a token whose head asks for another algorithm than ours."""
    _, body, _ = desk.told.token(session, HOST).split(b".")
    head = _text({**header, "kid": desk.told.key.kid, "typ": "JWT"})
    signed = head + b"." + body
    if signature is None:
        secret = desk.told.key.public().x.encode()
        algorithm: Any = jwt.get_algorithm_by_name("HS256")
        signature = base64.urlsafe_b64encode(algorithm.sign(signed, secret)).rstrip(b"=")
    return signed + b"." + signature


def _text(value: dict[str, str]) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


@pytest.mark.weakness(2)
@pytest.mark.weakness(9)
@pytest.mark.parametrize("wrong", WRONG)
def test_everything_else_is_nobody(desk: Desk, wrong: str) -> None:
    """Each claim, the algorithm, the key and the session are looked at; the good one beside it."""
    session = desk.told.signed_in(ALICE, OWNER)

    assert desk.of(WRONG[wrong](desk, session)) is None
    assert desk.of(desk.told.token(session, HOST)) is not None


def test_a_session_ends_though_its_token_says_otherwise(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log has when it ends; what was kept ends with it, to the second."""
    session = desk.told.signed_in(ALICE, lasts=HOUR / 2)
    token, end = desk.told.token(session, HOST), (desk.told.now + HOUR / 2).timestamp()
    found = []
    for now in (end - 1, end, end - 1):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        found.append(desk.of(token) is not None)

    assert found == [True, False, True]


REVOKED: dict[str, Callable[[Desk, str], None]] = {
    "signed out": lambda desk, session: desk.told.signed_out(session),
    "signed out everywhere": lambda desk, _: desk.told.signed_out("other", everywhere=True),
    "its key retired": lambda desk, _: desk.told.retired(desk.told.key),
}


@pytest.mark.parametrize("how", REVOKED)
def test_the_fact_that_revokes_ends_what_was_kept(desk: Desk, how: str) -> None:
    """At once, on every host; and another person's session stays, without a second look."""
    session, other = desk.told.signed_in(ALICE), desk.told.signed_in(BOB)
    tokens = [desk.told.token(session, host) for host in (HOST, "system.localhost")]
    kept = desk.told.token(other, HOST, BOB)
    before = [desk.of(tokens[0]), desk.of(tokens[1], "system.localhost")]
    stays = desk.of(kept)
    REVOKED[how](desk, session)

    assert all(before)
    assert desk.of(tokens[0]) is None
    assert desk.of(tokens[1], "system.localhost") is None
    assert (desk.of(kept) is stays) is (how != "its key retired")


def test_a_person_is_what_the_newest_sign_in_and_hands_say(desk: Desk) -> None:
    """Of an older session too: the higher of what the forge and a hand gave, each at once."""
    session = desk.told.signed_in(ALICE, ("alice", "member"), ("shop", "viewer"))
    token = desk.told.token(session, HOST)
    roles = []
    for role in ("owner", "viewer", None):
        desk.told.member("github:ALICE", role)
        desk.told.member("github:1", role, owner="new")
        found = desk.of(token)
        assert found is not None
        roles.append((found.role("github", "alice"), found.role("github", "new")))
    desk.told.signed_in(ALICE, ("shop", "owner"))
    found = desk.of(token)

    assert roles == [("owner", "owner"), ("member", "viewer"), ("member", None)]
    assert found is not None
    assert found.memberships == (Membership("github", "shop", "owner"),)


def test_a_token_is_its_person_within_its_scopes_and_tenants(desk: Desk) -> None:
    """Until its person loses a role, or it is revoked; its use changes nothing."""
    desk.told.signed_in(ALICE, OWNER, ("shop", "owner"))
    text = desk.told.issued("read", "invoke", tenants=("github/Alice",))
    found = desk.by(text)
    desk.told.fact(TokenUsed(), Aggregate("", "", "token", text[4:16]))

    assert found is not None
    assert (found.kind, found.name, found.user) == ("token", "ci", ALICE)
    assert found.scopes == frozenset({"read", "invoke"})
    assert found.memberships == (Membership("github", "alice", "owner"),)
    assert desk.by(text) is found
    desk.told.signed_in(ALICE)
    left = desk.by(text)
    assert left is not None
    assert left.memberships == ()
    desk.told.revoked(text)
    assert desk.by(text) is None


def test_an_operators_token_is_one_unless_it_is_for_tenants(desk: Desk) -> None:
    """There it is an owner, and nothing elsewhere; the setting counts as it is now."""
    desk.told.signed_in(BOB)
    whole = desk.by(desk.told.issued("operate", user=BOB))
    part = desk.by(desk.told.issued("read", user=BOB, tenants=("gitlab/shop",)))
    later = Desk(AuthSettings())
    later.told.signed_in(BOB)
    now = later.by(later.told.issued("operate", user=BOB))

    assert whole is not None
    assert part is not None
    assert now is not None
    assert (whole.operator, part.operator, now.operator) == (True, False, False)
    assert part.memberships == (Membership("gitlab", "shop", "owner"),)


def test_a_token_for_a_group_within_a_group(desk: Desk) -> None:
    """Whoever is something in the outer one is so in the inner, and its token there alone."""
    desk.told.signed_in(ALICE, ("acme", "member"))
    inner = desk.by(desk.told.issued("read", user=ALICE, tenants=("github/acme/web",)))
    outer = desk.by(desk.told.issued("read", user=ALICE, tenants=("github/acme",)))

    assert inner is not None
    assert outer is not None
    roles = [inner.role("github", owner) for owner in ("acme", "acme/web", "acme/web/x", "acme/w")]
    assert roles == [None, "member", "member", None]
    assert outer.role("github", "acme/web") == "member"


def test_a_token_that_is_nobodys(desk: Desk) -> None:
    """Guessed, ended, of a person who never signed in, and in another shape."""
    text = desk.told.issued("read", user=ALICE)
    assert desk.by(text) is None
    desk.told.signed_in(ALICE)
    assert desk.by(text) is not None
    for wrong in (text[:-1] + ("0" if text[-1] != "0" else "1"), text.upper(), text + "0", "plt_"):
        assert desk.by(wrong) is None
    desk.told.now -= 2 * HOUR
    ended = desk.told.issued("read")
    assert desk.by(ended) is None


def test_the_platforms_own_token(desk: Desk) -> None:
    """As Bearer and as Basic's password; nobody where there is none."""
    basic = b"Basic " + base64.b64encode(b"alice:the one token")
    without = Desk(AuthSettings())

    assert desk.by("the one token") is PLATFORM
    assert desk.verifier.caller(authorization=basic, cookie=b"", host=HOST) is PLATFORM
    assert desk.by("the one") is None
    assert without.by("the one token") is None
    assert without.by("") is None


def test_a_bad_token_is_not_saved_by_a_good_cookie(desk: Desk) -> None:
    """What a request says first counts; an Authorization that is not ours says nothing."""
    cookie = b"pushline=" + desk.told.token(desk.told.signed_in(ALICE), HOST)
    bad = b"Bearer plt_" + b"0" * 12 + b"_" + b"0" * 64

    assert desk.verifier.caller(authorization=bad, cookie=cookie, host=HOST) is None
    assert desk.verifier.caller(authorization=b"Bearer x", cookie=cookie, host=HOST) is not None


def test_on_https_only_a_cookie_bound_to_its_host_counts() -> None:
    """``__Host-`` is what a browser takes from that very host alone."""
    desk = Desk(AuthSettings(scheme="https", root_domain="example.com"))
    token = desk.told.token(desk.told.signed_in(ALICE), HOST)
    plain = desk.verifier.caller(authorization=b"", cookie=b"pushline=" + token, host=HOST)

    assert desk.told.settings.cookie == HOST_COOKIE
    assert desk.of(token) is not None
    assert plain is None


def test_before_it_is_prepared_sessions_wait_and_tokens_do_not(desk: Desk) -> None:
    """And a guess waits for nothing: nobody's session needs no signature."""
    desk.verifier.signature = None
    token = desk.told.token(desk.told.signed_in(ALICE), HOST)

    assert desk.by("the one token") is PLATFORM
    assert desk.of(desk.told.token("session-x", HOST)) is None
    with pytest.raises(NotReady):
        desk.of(token)


def test_memory_is_bounded(desk: Desk) -> None:
    """Guesses are not kept at all; good ones up to a number, then it begins anew."""
    desk.told.signed_in(ALICE)
    text = desk.told.issued("read")
    for number in range(MOST + 10):
        desk.verifier.known(text.encode(), b"", f"{number}.localhost")
        desk.verifier.known(b"", b"%d.x.y" % number, HOST)

    assert desk.verifier.kept <= MOST
    desk.told.revoked(text)
    assert desk.verifier.kept == 0


def test_nothing_of_a_credential_is_in_a_repr(desk: Desk) -> None:
    """Callers and keys are logged by whoever debugs: they say who, and no more."""
    session = desk.told.signed_in(ALICE)
    token, text = desk.told.token(session, HOST), desk.told.issued("read")
    shown = f"{desk.of(token)} {desk.by(text)} {desk.told.key} {desk.verifier}"

    assert token.decode() not in shown
    assert text not in shown
    assert repr(desk.told.key.private)[2:12] not in shown
