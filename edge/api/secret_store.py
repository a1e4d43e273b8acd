"""The port by which the API keeps secrets; whoever composes the process says how."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from schemas.environments import PRODUCTION, Kind
from schemas.secrets import PublicKey, Rotated, Scope


class Known(Protocol):
    """A secret without its value."""

    @property
    def forge(self) -> str:
        """Return the forge of its project or tenant."""
        ...

    @property
    def project(self) -> str:
        """Return the forge's own id of the project; "" for all of a tenant's."""
        ...

    @property
    def of(self) -> str:
        """Return owner/name, or the owner alone."""
        ...

    @property
    def name(self) -> str:
        """Return how stacks call it."""
        ...

    @property
    def key_id(self) -> str:
        """Return which key opens it."""
        ...

    @property
    def set(self) -> datetime:
        """Return when somebody gave it its value."""
        ...

    @property
    def by(self) -> str:
        """Return who did."""
        ...

    @property
    def sealed(self) -> bool:
        """Tell whether it is of a repository's secrets.yml."""
        ...

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the files in a sealed one."""
        ...

    @property
    def sha(self) -> str:
        """Return the commit that a sealed one comes from."""
        ...

    @property
    def environments(self) -> tuple[Kind, ...]:
        """Return which get it."""
        ...


class SecretStore(Protocol):
    """Keeps secrets; it hands no value out to us."""

    @property
    def seq(self) -> int:
        """Return the sequence at which ``known`` is true."""
        ...

    async def reached(self, seq: int) -> None:
        """Wait until ``known`` is true at this sequence."""
        ...

    def known(self) -> Sequence[Known]:
        """Return the secrets there are."""
        ...

    async def public_key(self) -> PublicKey:
        """Return what values are sealed with."""
        ...

    async def put(
        self,
        scope: Scope,
        name: str,
        value: bytes,
        *,
        by: str,
        environments: tuple[Kind, ...] = (PRODUCTION,),
    ) -> int:
        """Give a secret its value, return the sequence; raises SecretInvalid."""
        ...

    async def put_sealed(
        self,
        scope: Scope,
        name: str,
        text: str,
        *,
        by: str,
        environments: tuple[Kind, ...] = (PRODUCTION,),
    ) -> int:
        """Give a secret a value sealed by ``public_key``; raises as ``put``."""
        ...

    async def remove(self, scope: Scope, name: str, *, by: str) -> int:
        """Take a secret away, return the sequence; raises SecretMissing."""
        ...

    async def rotate(self) -> Rotated:
        """Seal everything with a new key and drop the old one."""
        ...
