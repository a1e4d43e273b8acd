"""The desk: all that edge asks of secrets, in one object; none of it hands a value out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bus.connection import Bus
from bus.fold import Fold
from consumers.secrets import register
from consumers.secrets.keyfile import KeyFile
from consumers.secrets.register import Secret
from consumers.secrets.rotation import rotate
from consumers.secrets.store import Secrets
from schemas.environments import PRODUCTION, Kind
from schemas.secrets import PublicKey, Rotated, Scope


@dataclass(frozen=True, slots=True)
class Desk:
    """Writes by the store, lists by the register; whoever serves it runs the register."""

    store: Secrets
    register: Fold[Secret]

    @classmethod
    def of(cls, bus: Bus, keys: Path, snapshots: Path | None) -> "Desk":
        """Return the desk of a home, whose keys lie in this folder."""
        store = Secrets(bus.log, bus.blobs, KeyFile(keys))
        return cls(store, register.fold(snapshots))

    @property
    def seq(self) -> int:
        """Return the sequence at which ``known`` is true."""
        return self.register.seq

    async def reached(self, seq: int) -> None:
        """Wait until ``known`` is true at this sequence."""
        await self.register.reached(seq)

    def known(self) -> Sequence[Secret]:
        """Return the secrets there are."""
        return list(self.register.rows.values())

    async def public_key(self) -> PublicKey:
        """Return what anybody may seal with."""
        return await self.store.public_key()

    async def put(
        self,
        scope: Scope,
        name: str,
        value: bytes,
        *,
        by: str,
        environments: tuple[Kind, ...] = (PRODUCTION,),
    ) -> int:
        """Give a secret its value."""
        return await self.store.put(scope, name, value, by=by, environments=environments)

    async def put_sealed(
        self,
        scope: Scope,
        name: str,
        text: str,
        *,
        by: str,
        environments: tuple[Kind, ...] = (PRODUCTION,),
    ) -> int:
        """Give a secret a value that was sealed for it."""
        return await self.store.put_sealed(scope, name, text, by=by, environments=environments)

    async def remove(self, scope: Scope, name: str, *, by: str) -> int:
        """Take a secret away."""
        return await self.store.remove(scope, name, by=by)

    async def rotate(self) -> Rotated:
        """Seal everything with a new key and drop the old one."""
        return await rotate(self.store, self.register)
