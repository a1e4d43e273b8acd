"""A book that is told facts as if they came from the log, and tokens that a real key signs."""

from datetime import UTC, datetime, timedelta
from typing import Any

from edge.auth import desk, keys, tokens
from edge.auth.book import Book
from edge.auth.claims import claims
from edge.auth.settings import AuthSettings
from edge.auth.signing import SigningKey, new_key
from schemas.envelope import Aggregate, Recorded, tenant
from schemas.events import Event
from schemas.events.key import KeyRetired
from schemas.events.session import SessionSignedIn, SessionSignedOut
from schemas.events.tenant import TenantLabelled, TenantMemberSet
from schemas.events.token import TokenIssued, TokenRevoked
from schemas.people import Membership, Role, Scope

HOUR = timedelta(hours=1)
ALICE, BOB = "github:1", "github:2"


class Told:
    """Everything that a test says happened."""

    def __init__(self, book: Book, settings: AuthSettings | None = None) -> None:
        """Begin with one key, published."""
        self.book = book
        self.settings = settings or AuthSettings()
        self.now = datetime.now(UTC)
        self.seq = max(fold.seq for fold in book.folds)
        self.key = self.published()

    def fact(self, fact: Event, of: Aggregate) -> None:
        """Let a fact come."""
        self.seq += 1
        event = Recorded(fact, of, f"test:{self.seq}", self.seq, self.now)
        for fold in self.book.folds:
            fold.apply([event])

    def published(self) -> SigningKey:
        """Make a key and publish it."""
        key = new_key()
        self.fact(key.public(), keys.aggregate(key.kid))
        return key

    def retired(self, key: SigningKey) -> None:
        """Let what a key signed be good no more."""
        self.fact(KeyRetired(), keys.aggregate(key.kid))

    def signed_in(
        self, user: str = ALICE, *is_in: tuple[str, Role], login: str = "", lasts: timedelta = HOUR
    ) -> str:
        """Let somebody sign in, who is this in those tenants of GitHub; return the session."""
        session = f"session-{self.seq}"
        fact = SessionSignedIn(
            user=user,
            login=login or {ALICE: "github:Alice", BOB: "github:Bob"}[user],
            via="github",
            until=self.now + lasts,
            memberships=tuple(Membership("github", owner, role) for owner, role in is_in),
        )
        self.fact(fact, desk.aggregate(session))
        return session

    def signed_out(self, session: str, user: str = ALICE, *, everywhere: bool = False) -> None:
        """Let a session end, or all of a person."""
        self.fact(SessionSignedOut(user, everywhere), desk.aggregate(session))

    def labelled(self, label: str, owner: str = "alice") -> None:
        """Give a tenant of GitHub its label."""
        self.fact(TenantLabelled(label), tenant("github", owner))

    def member(self, who: str, role: Role | None, owner: str = "alice") -> None:
        """Give somebody a role by hand."""
        self.fact(TenantMemberSet(who=who, role=role or ""), tenant("github", owner))

    def issued(self, *scopes: Scope, user: str = ALICE, tenants: tuple[str, ...] = ()) -> str:
        """Issue an API token; return its text."""
        id, text = tokens.new()
        fact = TokenIssued(
            user=user,
            login="github:Alice",
            name="ci",
            hash=tokens.hash_of(text),
            scopes=scopes,
            until=self.now + HOUR,
            tenants=tenants,
        )
        self.fact(fact, Aggregate("", "", "token", id))
        return text

    def revoked(self, text: str) -> None:
        """Revoke an API token."""
        self.fact(TokenRevoked(), Aggregate("", "", "token", tokens.id_of(text)))

    def token(self, session: str, host: str, user: str = ALICE, **other: Any) -> bytes:
        """Return the token of a session for a host; ``other`` claims take the place of its own."""
        said = claims(
            issuer=self.settings.issuer,
            host=host,
            user=user,
            session=session,
            now=self.now,
            until=self.now + HOUR,
        )
        said = {name: value for name, value in (said | other).items() if value is not None}
        return self.key.sign(said).encode()
