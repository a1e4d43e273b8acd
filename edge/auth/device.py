"""Device flow (RFC 8628): a command line gets a token because its person says so in a browser.

What is under way stands in the log, so that every replica knows it, and is decided there: each
answer is guarded by the request's history. Whoever is killed between the last two facts has cost
the person another try, and given nothing away.
"""

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

import msgspec

from bus.log import EventLog, Guard
from edge.auth import issuing
from edge.auth.asking import Forbidden
from edge.auth.attempts import Attempts
from edge.auth.desk import AuthDesk
from edge.auth.device_words import INTERVAL
from edge.auth.door import TooManyAttempts
from edge.auth.people import Caller
from edge.auth.policy import INSTALLATION, TOKENS, Verdict, decide
from schemas import subjects
from schemas.envelope import Aggregate, Recorded
from schemas.errors import Conflict, PushlineError
from schemas.events import Event
from schemas.events.login import LoginApproved, LoginRedeemed, LoginRefused, LoginRequested
from schemas.ids import digest_of, tag_of
from schemas.people import SCOPES, Scope

LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, no words; 8 of them are 34 bits
LENGTH: Final = 8
LIFE: Final = timedelta(minutes=10)
MOST: Final = 4096  # devices whose last question is remembered
TRIES: Final = 3

Answer = LoginApproved | LoginRefused | LoginRedeemed


class CodeUnknown(PushlineError):
    """No device waits with this code, or not any more."""

    code = "code_unknown"
    status: ClassVar = 404


class CodeAnswered(PushlineError):
    """Somebody has answered this device already."""

    code = "code_answered"
    status: ClassVar = 409


class DeviceWaits(PushlineError):
    """A device gets no token, or not yet; ``error`` is RFC 8628's word for it."""

    code = "device_waits"
    status: ClassVar = 400

    def __init__(self, error: str, message: str) -> None:
        """Say why."""
        super().__init__(message)
        self.error = error


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """What a device is told: one code for itself, one for its person to type."""

    device_code: str
    user_code: str
    until: datetime

    def __repr__(self) -> str:
        """Return until when it waits; both codes are secrets."""
        return f"Begun(until={self.until})"


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A device that waits for an answer, as its person is to see it."""

    client: str  # what it calls itself
    source: str  # its network
    scopes: tuple[Scope, ...]  # what its token will be good for
    tenants: tuple[str, ...]
    days: int
    until: datetime


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """A token, for the device alone."""

    token: str
    scopes: tuple[Scope, ...]
    seconds: int

    def __repr__(self) -> str:
        """Return what it is good for."""
        return f"Fetched(scopes={self.scopes})"


@dataclass(slots=True)
class Devices:
    """Shared between requests; of a code typed in it takes some guesses, and no more."""

    events: EventLog
    desk: AuthDesk
    begun: Attempts = field(default_factory=lambda: Attempts(each=10, all=100))
    guesses: Attempts = field(default_factory=lambda: Attempts(each=10, all=100))
    _asked: OrderedDict[str, float] = field(default_factory=OrderedDict, repr=False)

    async def begin(
        self,
        client: str,
        *,
        scopes: Sequence[str] = (),
        tenants: Sequence[str] = (),
        days: int = issuing.DAYS,
        source: str,
    ) -> Begun:
        """Have a device wait for its person. Raises TokenInvalid, TooManyAttempts."""
        issuing.until(days)
        name = issuing.wanted_name(client)
        wanted = issuing.wanted_scopes(scopes) if scopes else ()
        if wait := self.begun.failed(source):
            raise TooManyAttempts(wait)
        until = datetime.now(UTC).replace(microsecond=0) + LIFE
        for _ in range(TRIES):
            shown = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
            of = _aggregate(shown)
            code = f"{of.id}.{secrets.token_hex(32)}"
            fact = LoginRequested(
                device=digest_of(code.encode()),
                client=name,
                until=until,
                source=source,
                scopes=wanted,
                tenants=issuing.wanted_tenants(tenants),
                days=days,
            )
            try:
                await self._append(fact, of, 0, actor="auth")
            except Conflict:  # somebody had this very code, some day
                continue
            return Begun(device_code=code, user_code=f"{shown[:4]}-{shown[4:]}", until=until)
        raise Conflict("no code was free", hint="try again")

    async def pending(self, code: str, asked: Caller) -> Pending:
        """Return which device shows this code, and what the caller would let it do.

        Raises CodeUnknown, CodeAnswered, TooManyAttempts, and Forbidden for who is not signed in
        as a person.
        """
        return _shown((await self._waiting(code, asked)).fact, asked)

    async def approve(self, code: str, asked: Caller, source: str) -> Pending:
        """Let the device act in the caller's name; raises as ``pending``, and ScopeRefused."""
        waiting = await self._waiting(code, asked)
        wanted = waiting.fact
        shown = _shown(wanted, asked)
        if wanted.scopes:
            issuing.check(asked, wanted.scopes, wanted.tenants)
        fact = LoginApproved(user=asked.user, login=asked.login, source=source, scopes=shown.scopes)
        await self._answer(fact, waiting, asked)
        return shown

    async def refuse(self, code: str, asked: Caller) -> None:
        """Let the device not in; raises as ``pending``."""
        await self._answer(LoginRefused(asked.user), await self._waiting(code, asked), asked)

    async def redeem(self, code: str, source: str) -> Fetched:
        """Return the token of a device whose person has agreed, once; raises DeviceWaits."""
        of = Aggregate("", "", "login", code.partition(".")[0][:64])
        requested = await self.events.last(of, LoginRequested)
        given = digest_of(code.encode())
        if requested is None or not hmac.compare_digest(given, requested.fact.device):
            raise DeviceWaits("invalid_grant", "no device has this code")
        self._not_too_fast(of.id)
        answer = await self._answered(of)
        match answer.fact if answer else None:
            case LoginRefused():
                raise DeviceWaits("access_denied", "the person said no")
            case LoginRedeemed():
                raise DeviceWaits("invalid_grant", "this code was used already")
        if requested.fact.until <= datetime.now(UTC):
            raise DeviceWaits("expired_token", "the code has run out: begin again")
        if answer is None or not isinstance(answer.fact, LoginApproved):
            raise DeviceWaits("authorization_pending", "the person has not answered yet")
        return await self._fetched(requested.fact, answer.fact, of, answer.seq, source)

    async def _fetched(
        self,
        requested: LoginRequested,
        approved: LoginApproved,
        of: Aggregate,
        seq: int,
        source: str,
    ) -> Fetched:
        try:
            await self._append(LoginRedeemed(), of, seq, actor=approved.login)
        except Conflict:
            raise DeviceWaits("invalid_grant", "this code was used already") from None
        person = Caller(kind="person", user=approved.user, login=approved.login)
        until = issuing.until(requested.days)
        _, text = await self.desk.issue_token(
            person,
            requested.client,
            scopes=approved.scopes,
            tenants=requested.tenants,
            until=until,
            source=source,
        )
        left = int((until - datetime.now(UTC)).total_seconds())
        return Fetched(token=text, scopes=approved.scopes, seconds=left)

    async def _waiting(self, code: str, asked: Caller) -> Recorded[LoginRequested]:
        """Return the request with a code that somebody typed."""
        if decide(asked, TOKENS, INSTALLATION) is not Verdict.YES or asked.kind != "person":
            raise Forbidden("only a person can let a device in", hint="sign in first")
        if wait := self.guesses.wait(asked.user):
            raise TooManyAttempts(wait)
        of = _aggregate(_plain(code))
        found = await self.events.last(of, LoginRequested)
        if found is None or found.fact.until <= datetime.now(UTC):
            self.guesses.failed(asked.user)
            raise CodeUnknown(
                "no device waits with this code", hint="codes last ten minutes: ask for another"
            )
        if await self._answered(of) is not None:
            raise CodeAnswered("this device was answered already", hint="ask for another code")
        return found

    async def _answered(self, of: Aggregate) -> Recorded[Answer] | None:
        found: Recorded[Answer] | None = await self.events.last(
            of, LoginApproved, LoginRefused, LoginRedeemed
        )
        return found

    async def _answer(self, fact: Event, waiting: Recorded[LoginRequested], asked: Caller) -> None:
        try:
            await self._append(fact, waiting.of, waiting.seq, actor=asked.actor)
        except Conflict:
            raise CodeAnswered(
                "this device was answered already", hint="ask for another code"
            ) from None

    async def _append(self, fact: Event, of: Aggregate, seq: int, *, actor: str) -> int:
        """Append unless anything stands in the request's history after ``seq``."""
        id = f"auth:{secrets.token_hex(16)}:{tag_of(fact).partition('/')[0]}"
        guard = Guard(subjects.history(of), seq)
        return await self.events.append(fact, of=of, id=id, actor=actor, guard=guard)

    def _not_too_fast(self, id: str) -> None:
        now, last = time.monotonic(), self._asked.pop(id, -INTERVAL)
        self._asked[id] = now
        if len(self._asked) > MOST:
            self._asked.popitem(last=False)
        if now - last < INTERVAL * 0.8:  # clocks and networks are not that exact
            raise DeviceWaits("slow_down", f"ask every {INTERVAL:.0f} s, and now 5 s later")


def _aggregate(code: str) -> Aggregate:
    """Return what the facts about a device are about; its id tells nothing of the code's life."""
    id = digest_of(f"login {code}".encode()).removeprefix("sha256:")[:32]
    return Aggregate("", "", "login", id)


def _plain(code: str) -> str:
    """Return a code as it was made, however somebody types it."""
    return "".join(letter for letter in code.upper()[:40] if letter in LETTERS)


def _shown(wanted: LoginRequested, asked: Caller) -> Pending:
    """Return what the caller would let the device do: what it asks for, or all that he can."""
    may = issuing.issuable(asked, wanted.tenants)
    return Pending(
        client=wanted.client,
        source=wanted.source,
        scopes=wanted.scopes or tuple(scope for scope in SCOPES if scope in may),
        tenants=wanted.tenants,
        days=wanted.days,
        until=wanted.until,
    )
