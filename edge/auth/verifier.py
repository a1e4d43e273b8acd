"""The verifier: who a request's credentials belong to, from memory, at once.

What was found good is kept by its exact bytes, until it ends or the very fact comes that revokes
it. What was found bad is not kept: nobody fills our memory with guesses.
"""

import hmac
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from edge.auth import credentials, tokens
from edge.auth.book import Book
from edge.auth.claims import read
from edge.auth.people import OPERATOR, PLATFORM, Caller, is_operator
from edge.auth.sessions import Known
from edge.auth.settings import AuthSettings
from edge.auth.tokens import Token
from schemas.envelope import Recorded
from schemas.errors import PushlineError
from schemas.events import Event
from schemas.events.token import TokenUsed
from schemas.ids import digest_of
from schemas.people import Membership, names
from schemas.tenants import lineage

if TYPE_CHECKING:
    from edge.auth.signature import Signature

MOST: Final = 10_000  # credentials that are known to be good

Credentials = tuple[bytes, bytes, str]  # token, session, host


class NotReady(PushlineError):
    """Sessions cannot be verified yet; in a moment they can."""

    code = "auth_not_ready"
    status: ClassVar = 503


class _Good(NamedTuple):
    caller: Caller
    until: float  # seconds since 1970
    marks: tuple[str, ...]  # whatever changes under one of these makes it untrue


class Verifier:
    """Belongs to one loop: it is asked, and told of facts, in its thread."""

    def __init__(self, book: Book, settings: AuthSettings) -> None:
        """Know what the book knows, from its facts on."""
        self.signature: Signature | None = None  # imports much: see ``prepare``
        self._book = book
        self._settings = settings
        self._platform = settings.token_digest.encode()
        self._good: dict[Credentials, _Good] = {}
        self._marked: dict[str, set[Credentials]] = {}
        book.people.changed.append(self._forgetting("person"))
        book.tokens.changed.append(self._token_changed)
        book.keys.changed.append(self._forgetting("key"))
        book.members.changed.append(self._forgetting("named"))

    def prepare(self) -> None:
        """Import what verifies signatures: 0.1 s, for a thread."""
        from edge.auth.signature import Signature

        self.signature = Signature(self._settings.issuer)

    @property
    def kept(self) -> int:
        """Return how many credentials are known to be good."""
        return len(self._good)

    def caller(self, *, authorization: bytes, cookie: bytes, host: str) -> Caller | None:
        """Return who sends these headers to this host, None for nobody that we know.

        A token of ours counts before a cookie, also a bad one. Raises NotReady.
        """
        password = credentials.password_of(authorization) if authorization else b""
        session = credentials.cookie_of(cookie, self._settings.cookie) if cookie else b""
        return self.known(password if self.is_ours(password) else b"", session, host)

    def is_ours(self, password: bytes) -> bool:
        """Tell whether this is meant for us: an API token, or the platform's own."""
        return credentials.is_token(password) or (bool(password) and self._is_platforms(password))

    def known(self, token: bytes, session: bytes, host: str) -> Caller | None:
        """Return who has this token of ours, or else this session's cookie; raises NotReady."""
        given = (token, session, host)
        good = self._good.get(given)
        if good is not None:
            if time.time() < good.until:
                return good.caller
            self._forget(given)
        if token:
            good = self._token(token)
        elif session:
            good = self._session(session, host)
        if good is None or time.time() >= good.until:
            return None
        self._keep(given, good)
        return good.caller

    def _is_platforms(self, password: bytes) -> bool:
        given = digest_of(password).encode()
        return hmac.compare_digest(given, self._platform)

    def _token(self, token: bytes) -> _Good | None:
        if self._is_platforms(token):
            return _Good(PLATFORM, float("inf"), ())
        text = token.decode("latin-1")
        row = self._book.tokens.rows.get(tokens.id_of(text))
        if row is None or not hmac.compare_digest(tokens.hash_of(text), row.hash):
            return None
        person = self._book.people.rows.get(row.user)
        if person is None and row.user == OPERATOR.user:  # who needs no sign-in, nor has one
            person = Known(OPERATOR.user, OPERATOR.login)
        if person is None:
            return None
        caller = _of_token(row, person, self._now(person), self._settings.operators)
        marks = (f"token {row.id}", *_marks(person))
        return _Good(caller, row.until.timestamp(), marks)

    def _session(self, session: bytes, host: str) -> _Good | None:
        """Look at what the session claims before its signature: a guess costs us little."""
        claimed = read(session)
        if claimed is None:
            return None
        person = self._book.people.rows.get(claimed.sub)
        key = self._book.keys.rows.get(claimed.kid)
        if person is None or key is None or key.retired is not None:
            return None
        until = person.open.get(claimed.sid)
        if until is None:
            return None
        if self.signature is None:
            raise NotReady("sessions cannot be verified yet", hint="try again in a moment")
        ends = self.signature.verified(session, key, host)
        if ends is None:
            return None
        caller = Caller(
            kind="person",
            user=person.user,
            login=person.login,
            session=claimed.sid,
            memberships=self._now(person),
            operator=is_operator(person.user, person.login, self._settings.operators),
            until=min(until, datetime.fromtimestamp(ends, UTC)),
        )
        marks = (f"key {claimed.kid}", *_marks(person))
        return _Good(caller, min(until.timestamp(), ends), marks)

    def _now(self, person: Known) -> tuple[Membership, ...]:
        return self._book.memberships(person.user)

    def _keep(self, given: Credentials, good: _Good) -> None:
        if len(self._good) >= MOST:
            self._good.clear()
            self._marked.clear()
        self._good[given] = good
        for mark in good.marks:
            self._marked.setdefault(mark, set()).add(given)

    def _forget(self, given: Credentials) -> None:
        good = self._good.pop(given, None)
        for mark in good.marks if good is not None else ():
            marked = self._marked.get(mark, set())
            marked.discard(given)
            if not marked:
                self._marked.pop(mark, None)

    def _forgetting(self, kind: str) -> Callable[[str, Any, Recorded[Event] | None], None]:
        def changed(key: str, _row: Any, _event: Recorded[Event] | None) -> None:
            for given in list(self._marked.get(f"{kind} {key}", ())):
                self._forget(given)

        return changed

    def _token_changed(self, id: str, row: Token | None, event: Recorded[Event] | None) -> None:
        if event is None or not isinstance(event.fact, TokenUsed):
            self._forgetting("token")(id, row, event)


def _of_token(
    row: Token, person: Known, now: tuple[Membership, ...], operators: tuple[str, ...]
) -> Caller:
    """Return what a token may: what its person may now, in its tenants, within its scopes.

    One that is for some tenants alone is no operator's: there an operator is an owner.
    """
    operator = is_operator(person.user, person.login, operators)
    if row.tenants:
        now = _within(row.tenants, now, operator=operator)
    return Caller(
        kind="token",
        user=person.user,
        login=person.login,
        session=row.id,
        memberships=now,
        operator=operator and not row.tenants,
        scopes=frozenset(row.scopes),
        until=row.until,
        name=row.name,
    )


def _within(
    tenants: tuple[str, ...], now: tuple[Membership, ...], *, operator: bool
) -> tuple[Membership, ...]:
    if operator:
        parts = (one.lower().partition("/") for one in tenants)
        return tuple(Membership(forge, owner, "owner") for forge, _, owner in parts)
    allowed = [one.lower().partition("/") for one in tenants]
    found = [
        Membership(forge, owner, one.role)
        for forge, _, owner in allowed
        for one in now
        if one.forge == forge and one.owner in lineage(owner)
    ]
    return tuple(found)


def _marks(person: Known) -> tuple[str, ...]:
    called = sorted(names(person.user, person.login))
    return (f"person {person.user}", *(f"named {name}" for name in called))
