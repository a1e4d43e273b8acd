"""Keys: which one signs, and how one takes another's place without anybody's noticing.

A key signs only after its fact is in the log, and has been there for a moment: every router has
heard of it by then. It is retired when no session that it signed can live any more.
"""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final

from bus.blocking import run_blocking
from bus.log import EventLog, Guard
from edge.auth.book import Book
from edge.auth.publickeys import PublicKey
from edge.auth.settings import AuthSettings
from edge.auth.signing import SigningFile, SigningKey
from schemas import subjects
from schemas.envelope import Aggregate
from schemas.errors import Conflict, PushlineError
from schemas.events.key import KeyRetired

SETTLED: Final = timedelta(seconds=5)  # in which every router hears of a key


class KeyUnknown(PushlineError):
    """No key has this id."""

    code = "key_unknown"
    status: ClassVar = 404


class Keys:
    """The signing keys of this edge, and the public ones of all."""

    def __init__(
        self,
        folder: Path,
        events: EventLog,
        book: Book,
        settings: AuthSettings,
        *,
        settled: timedelta = SETTLED,
    ) -> None:
        """Keep the private halves in ``folder``; a new one signs once it is ``settled``."""
        self._settled = settled
        self._file = SigningFile(folder)
        self._events = events
        self._book = book
        self._settings = settings
        self._making = asyncio.Lock()

    async def sign(self, claims: dict[str, Any]) -> str:
        """Return a token that says so, signed by the key whose turn it is."""
        key = await self._signer()
        return await run_blocking(key.sign, claims)

    async def ready(self) -> None:
        """Have a key in the log: routers begin with the first one to import what verifies."""
        await self._signer()

    async def rotate(self, *, by: str) -> str:
        """Make a key, which signs in a moment; return its id. Nobody is signed out."""
        async with self._making:
            key = await run_blocking(self._file.add)
            await self._publish(key, by)
        return key.kid

    async def retire(self, kid: str, *, by: str, reason: str) -> int:
        """Let nothing that a key signed be good any more; return the sequence. KeyUnknown."""
        row = self._book.keys.rows.get(kid)
        if row is None:
            raise KeyUnknown(f"no key {kid[:40]}", hint="`pushline keys ls` shows those there are")
        if row.retired is not None:
            return self._book.keys.seq
        of = aggregate(kid)
        seq = await self._events.append(
            KeyRetired(reason), of=of, id=f"auth:{kid}:key.retired:{reason}", actor=by
        )
        await self._book.reached(seq)
        return seq

    async def retire_outlived(self) -> list[str]:
        """Retire our keys whose successor has signed for longer than a session lives."""
        now, rows = datetime.now(UTC), self._book.keys.rows
        longest = self._settled + timedelta(hours=self._settings.session_hours)
        mine = await run_blocking(self._file.read)
        good = [key for key in mine if _good(rows.get(key.kid))]
        gone = []
        for older, newer in itertools.pairwise(good):
            if rows[newer.kid].published + longest < now:
                await self.retire(older.kid, by="auth", reason="outlived")
                gone.append(older.kid)
        if gone:
            await run_blocking(self._file.keep, frozenset(key.kid for key in good) - {*gone})
        return gone

    def jwks(self) -> dict[str, Any]:
        """Return the public keys that are good, as RFC 7517 has them."""
        rows = self._book.keys.rows.items()
        return {"keys": [row.jwk(kid) for kid, row in rows if row.retired is None]}

    async def _signer(self) -> SigningKey:
        mine, rows = await run_blocking(self._file.read), self._book.keys.rows
        good = [key for key in mine if _good(rows.get(key.kid))]
        settled = datetime.now(UTC) - self._settled
        for key in reversed(good):
            if rows[key.kid].published < settled:
                return key
        return good[0] if good else await self._first()

    async def _first(self) -> SigningKey:
        """Publish the newest key that was not retired, a new one where there is none."""
        async with self._making:
            mine, rows = await run_blocking(self._file.first), self._book.keys.rows
            fresh = [key for key in mine if (row := rows.get(key.kid)) is None or _good(row)]
            key = fresh[-1] if fresh else await run_blocking(self._file.add)
            await self._publish(key, "auth")
            return key

    async def _publish(self, key: SigningKey, by: str) -> None:
        of, fact = aggregate(key.kid), await run_blocking(key.public)
        guard = Guard(subjects.history(of), 0)
        id = f"auth:{key.kid}:key.published"
        try:
            seq = await self._events.append(fact, of=of, id=id, actor=by, guard=guard)
        except Conflict:  # it is there already, and perhaps retired
            seq = await self._events.last_seq(subjects.history(of))
        await self._book.reached(seq)


def aggregate(kid: str) -> Aggregate:
    """Return what facts about a key are about."""
    return Aggregate("", "", "key", kid)


def _good(row: PublicKey | None) -> bool:
    return row is not None and row.retired is None
