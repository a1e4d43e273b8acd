"""The desk of auth: writes who signs in and out, and which tokens there are."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

import msgspec

from bus.log import EventLog, Guard
from edge.auth import instruments, tokens
from edge.auth.book import Book
from edge.auth.claims import claims
from edge.auth.denials import Denials
from edge.auth.keys import Keys
from edge.auth.people import Caller, Person
from edge.auth.settings import AuthSettings
from schemas import subjects
from schemas.envelope import Aggregate
from schemas.errors import Conflict, LogUnavailable, PushlineError
from schemas.events.session import SessionSignedIn, SessionSignedOut
from schemas.events.token import TokenIssued, TokenRevoked, TokenUsed
from schemas.ids import digest_of
from schemas.people import Scope

USED_APART: Final = 3600.0  # seconds between two facts that a token is used


class AttemptUsed(PushlineError):
    """A sign-in was answered twice: the second time is somebody else, or a reload."""

    code = "attempt_used"
    status: ClassVar = 409


class SessionGone(PushlineError):
    """A session that somebody wants to go on with has ended."""

    code = "session_gone"
    status: ClassVar = 401


class TokenUnknown(PushlineError):
    """No token has this id."""

    code = "token_unknown"
    status: ClassVar = 404


class Signed(msgspec.Struct, frozen=True):
    """What one host's cookie carries."""

    token: str
    until: datetime
    session: str

    def __repr__(self) -> str:
        """Return which session it is; the token is nobody's business."""
        return f"Signed(session={self.session!r}, until={self.until})"


@dataclass(slots=True)
class AuthDesk:
    """Appends; each answer waits until our own book knows of it."""

    events: EventLog
    book: Book
    keys: Keys
    denials: Denials
    settings: AuthSettings
    _used: dict[str, float] = field(default_factory=dict)

    async def sign_in(
        self, person: Person, *, attempt: str, via: str, source: str, host: str
    ) -> Signed:
        """Begin a session and return its token for a host.

        ``attempt`` is what this sign-in began with, the random state: it leads to one session,
        whichever replica is asked, and however often. Raises AttemptUsed.
        """
        session = session_id(attempt)
        of = aggregate(session)
        until = datetime.now(UTC).replace(microsecond=0) + self._longest
        fact = SessionSignedIn(
            user=person.user,
            login=person.login,
            via=via,
            until=until,
            memberships=person.memberships,
            source=source,
        )
        guard = Guard(subjects.history(of), 0)
        try:
            seq = await self.events.append(
                fact, of=of, id=f"auth:{uuid.uuid4()}:session.signed-in", actor=person.login,
                guard=guard,
            )  # fmt: skip
        except Conflict as error:
            raise AttemptUsed(
                "this sign-in was used already", hint="begin again from the sign-in page"
            ) from error
        await self.book.reached(seq)
        instruments.signed_in.labels(via).inc()
        return await self._signed(person.user, session, until, host)

    async def extend(self, caller: Caller, host: str) -> Signed:
        """Return a token of the caller's session for another host; raises SessionGone."""
        known = self.book.people.rows.get(caller.user)
        until = None if known is None else known.open.get(caller.session)
        if until is None or until <= datetime.now(UTC):
            raise SessionGone("the session has ended", hint="sign in again")
        return await self._signed(caller.user, caller.session, until, host)

    async def sign_out(self, caller: Caller, *, everywhere: bool, reason: str = "") -> int:
        """End the caller's session, or all of the person's, on every host; return the sequence."""
        fact = SessionSignedOut(user=caller.user, everywhere=everywhere, reason=reason)
        id = f"auth:{caller.session}:session.signed-out:{'all' if everywhere else 'one'}:{reason}"
        of = aggregate(caller.session)
        seq = await self.events.append(fact, of=of, id=id, actor=caller.actor)
        await self.book.reached(seq)
        instruments.signed_out.inc()
        return seq

    async def issue_token(
        self,
        caller: Caller,
        name: str,
        *,
        scopes: Sequence[Scope],
        tenants: Sequence[str],
        until: datetime,
        source: str,
    ) -> tuple[str, str]:
        """Return (id, text) of a new token; the text is told this once and kept by nobody.

        What the caller may give away was decided before.
        """
        id, text = tokens.new()
        fact = TokenIssued(
            user=caller.user,
            login=caller.login,
            name=name,
            hash=tokens.hash_of(text),
            scopes=tuple(scopes),
            until=until,
            tenants=tuple(tenants),
            source=source,
        )
        of = Aggregate("", "", "token", id)
        seq = await self.events.append(
            fact, of=of, id=f"auth:{id}:token.issued", actor=caller.actor,
            guard=Guard(subjects.history(of), 0),
        )  # fmt: skip
        await self.book.reached(seq)
        instruments.issued.inc()
        return id, text

    async def revoke_token(self, id: str, *, by: str, reason: str = "") -> int:
        """Make a token worthless; return the sequence. Raises TokenUnknown."""
        if id not in self.book.tokens.rows:
            raise TokenUnknown(f"no token {id[:40]}", hint="`pushline token ls` shows yours")
        of = Aggregate("", "", "token", id)
        named = f"auth:{id}:token.revoked:{reason}"
        seq = await self.events.append(TokenRevoked(reason), of=of, id=named, actor=by)
        await self.book.reached(seq)
        instruments.revoked.inc()
        return seq

    async def used(self, token: str, source: str) -> None:
        """Record that a token is used, once an hour at most; an outage of the log harms nobody."""
        row, now = self.book.tokens.rows.get(token), time.time()
        if row is None or now - self._used.get(token, 0.0) < USED_APART:
            return
        if row.used is not None and now - row.used.timestamp() < USED_APART:
            return
        self._used[token] = now
        of = Aggregate("", "", "token", token)
        id = f"auth:{token}:token.used:{int(now // USED_APART)}"
        try:
            await self.events.append(TokenUsed(source), of=of, id=id, actor=row.login)
        except LogUnavailable:
            self._used.pop(token, None)

    def denied(self, reason: str, action: str, on: str, source: str, user: str = "") -> None:
        """Note that somebody was not let in; recorded in a moment, sampled under attack."""
        instruments.denied.labels(reason).inc()
        self.denials.note(reason, action, on, source=source, user=user)

    @property
    def _longest(self) -> timedelta:
        return timedelta(hours=self.settings.session_hours)

    async def _signed(self, user: str, session: str, until: datetime, host: str) -> Signed:
        said = claims(
            issuer=self.settings.issuer,
            host=host,
            user=user,
            session=session,
            now=datetime.now(UTC),
            until=until,
        )
        return Signed(await self.keys.sign(said), until, session)


def session_id(attempt: str) -> str:
    """Return the id of the session that an attempt to sign in leads to; it tells nothing of it."""
    return digest_of(f"session {attempt}".encode()).removeprefix("sha256:")[:32]


def aggregate(session: str) -> Aggregate:
    """Return what facts about a session are about."""
    return Aggregate("", "", "session", session)
