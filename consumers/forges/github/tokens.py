"""Installation tokens: what they are for, and until when.

Minted for what is needed and nothing else, shared until shortly before their end; whoever asks
while one is being minted waits for that one. They stand in memory only.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from consumers.forges.asking import ForgeRefused, ForgeUnavailable
from consumers.forges.github.answers import Raw
from consumers.forges.github.limits import server_time

MARGIN: Final = 300.0  # seconds before its end in which a token is not handed out any more
YOUNG: Final = 60.0  # seconds: what this one may not, a newer one may not either


class For(msgspec.Struct, frozen=True):
    """What a token is good for; empty fields: all that the installation allows."""

    installation: str
    repositories: tuple[int, ...] = ()  # GitHub's ids
    permissions: tuple[tuple[str, str], ...] = ()  # (contents, read) …

    @property
    def body(self) -> dict[str, Any]:
        """Return what GitHub is asked for."""
        asked: dict[str, Any] = {}
        if self.repositories:
            asked["repository_ids"] = list(self.repositories)
        if self.permissions:
            asked["permissions"] = dict(self.permissions)
        return asked


class Token(msgspec.Struct, frozen=True):
    """A token in memory."""

    text: str
    made: float
    until: float  # by our clock, the margin taken off

    def __repr__(self) -> str:
        """Show no token."""
        return f"Token(until {self.until:.0f})"


class _Minted(msgspec.Struct):
    token: str
    expires_at: datetime


Mint = Callable[[str, Mapping[str, Any]], Awaitable[Raw]]  # of an installation, asked so


class Tokens:
    """The tokens of all installations; safe to share between tasks."""

    def __init__(self, mint: Mint, clock: Callable[[], float]) -> None:
        """Have none yet; ``mint`` asks GitHub."""
        self._mint = mint
        self._clock = clock
        self._kept: dict[For, Token] = {}
        self._minting: dict[For, asyncio.Task[Token]] = {}

    async def get(self, wanted: For) -> str:
        """Return a token; raises ForgeRefused, ForgeUnavailable."""
        token = self._kept.get(wanted)
        if token is None or token.until <= self._clock():
            token = await self._minted(wanted)
        return token.text

    def drop(self, wanted: For, text: str) -> bool:
        """Forget a token that GitHub does not take; False where another would do no better."""
        token = self._kept.get(wanted)
        if token is None or token.text != text:
            return True  # there is a newer one already
        if self._clock() - token.made < YOUNG:
            return False
        del self._kept[wanted]
        return True

    async def _minted(self, wanted: For) -> Token:
        """Return a new token, the same for all who wait; one of them may be cancelled."""
        task = self._minting.get(wanted)
        if task is None:
            task = asyncio.create_task(self._ask(wanted))
            self._minting[wanted] = task
            task.add_done_callback(lambda _: self._minting.pop(wanted, None))
        return await asyncio.shield(task)

    async def _ask(self, wanted: For) -> Token:
        answer = await self._mint(wanted.installation, wanted.body)
        if answer.status != 201:
            raise _refusal(answer, wanted)
        minted = _read(answer)
        now = self._clock()
        life = minted.expires_at.timestamp() - server_time(answer, now)
        token = Token(minted.token, now, now + max(life - MARGIN, life / 2))
        self._kept = {key: each for key, each in self._kept.items() if each.until > now}
        self._kept[wanted] = token
        return token


def _read(answer: Raw) -> _Minted:
    try:
        return msgspec.json.decode(answer.body, type=_Minted)
    except (msgspec.DecodeError, UnicodeDecodeError):  # their words may quote the token
        raise ForgeUnavailable("GitHub gave a token in a shape that is not documented") from None


def _refusal(answer: Raw, wanted: For) -> ForgeRefused:
    if answer.status == 404:
        return ForgeRefused(
            f"GitHub knows no installation {wanted.installation} of the App",
            hint="install the App again on that account",
        )
    what = ", ".join(f"{name}: {level}" for name, level in wanted.permissions) or "what it may"
    return ForgeRefused(
        f"GitHub gives no token for {what} to installation {wanted.installation}: {answer.says}",
        hint="open the repository to the App, and accept the permissions that it asks for",
    )
