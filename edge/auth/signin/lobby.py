"""The lobby: what all pages of signing in share."""

import asyncio
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec

from bus.blocking import run_blocking
from edge.auth.device import Devices
from edge.auth.door import Door
from edge.auth.people import Caller
from edge.auth.room import Auth
from edge.auth.signin.cookies import Cookies
from edge.auth.signin.errors import ProviderUnknown
from edge.auth.signin.places import Places
from edge.auth.signin.provider import Provider
from edge.auth.signin.request import Request
from edge.auth.signin.seals import Seals

AT_ONCE: Final = 16  # people whose provider is being asked; the rest wait

T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Lobby:
    """One for a process."""

    auth: Auth
    door: Door
    places: Places
    providers: Mapping[str, Provider]
    seals: Seals
    cookies: Cookies
    devices: Devices
    asking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def caller(self, request: Request) -> Caller | None:
        """Return whose session the browser has at this host; raises NotReady."""
        return self.auth.verifier.caller(
            authorization=b"", cookie=request.cookie, host=request.host
        )

    def provider(self, name: str) -> Provider:
        """Return a provider that is set up; raises ProviderUnknown."""
        found = self.providers.get(name)
        if found is None:
            raise ProviderUnknown(
                f"nobody can sign in by {name[:20]!r} here", hint="choose one of the sign-in page"
            )
        return found

    async def seal(self, value: msgspec.Struct) -> str:
        """Return ``value``, sealed."""
        return await run_blocking(self.seals.seal, value)

    async def opened(self, text: str, kind: type[T], *, within: int) -> T | None:
        """Return what was sealed, None for anything else."""
        return await run_blocking(self.seals.opened, text, kind, within=within)


def same(one: str, other: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
