"""The secret store: values go in, and come out for whoever builds or deploys, for nobody else.

A value lies sealed in a blob of its own; the newest fact about the secret points to it. Whoever
is killed in between has either changed nothing or everything: the old blob goes only once the
fact stands (``consumer.py``).
"""

import base64
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from bus.blobs import Blobs
from bus.blocking import run_blocking
from bus.log import EventLog, Guard
from consumers.secrets import box
from consumers.secrets.envelope import unseal
from consumers.secrets.keyfile import KeyFile
from consumers.secrets.keys import KeyGone
from schemas import subjects
from schemas.envelope import Aggregate, Recorded, tenant
from schemas.environments import PRODUCTION, Kind, kind_of
from schemas.errors import BlobMissing, Conflict, GiveUp
from schemas.events.secret import SecretRemoved, SecretSealed
from schemas.events.tenant import TenantRenamed
from schemas.ids import event_id
from schemas.secrets import (
    Held,
    PublicKey,
    Scope,
    SecretInvalid,
    SecretMissing,
    check_name,
    check_value,
    reaching,
)
from schemas.tenants import lineage

TRIES: Final = 20  # against others who change the same secret at the same time

Fact: TypeAlias = SecretSealed | SecretRemoved
Last: TypeAlias = Recorded[Fact] | None


class SecretUnreadable(GiveUp):
    """There is such a secret, but its value cannot be had."""

    code = "secret_unreadable"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Shared between tasks; several processes of one home may each have one."""

    events: EventLog
    blobs: Blobs
    keys: KeyFile

    async def open(
        self, forge: str, project: str, owner: str, name: str, environment: str = PRODUCTION
    ) -> bytes | None:
        """Return a secret's value: the project's own, else its tenant's, None where none is.

        None also where there is one that this environment does not get. Raises SecretUnreadable
        when there is one that the keys at hand do not open.
        """
        async for scope, sealed in self._reaching(forge, project, owner, name):
            if kind_of(environment) not in sealed.environments:
                return None
            if (value := await self._value(scope.secret(name))) is not None:
                return value
        return None

    async def held(
        self, forge: str, project: str, owner: str, name: str, environment: str = PRODUCTION
    ) -> Held:
        """Tell what ``open`` would find, without opening anything."""
        async for _, sealed in self._reaching(forge, project, owner, name):
            return "given" if kind_of(environment) in sealed.environments else "withheld"
        return "none"

    async def keeper(self, forge: str, project: str, owner: str, name: str) -> Scope | None:
        """Return whose secret of this name a project would get, in whatever environment."""
        async for scope, _ in self._reaching(forge, project, owner, name):
            return scope
        return None

    async def had(self, forge: str, project: str, owner: str, name: str) -> bool:
        """Tell whether a secret of this name ever reached a project, set or removed by now."""
        scopes = reaching(forge, project, owner)
        return any([await self._last(scope.secret(name)) is not None for scope in scopes])

    async def _reaching(
        self, forge: str, project: str, owner: str, name: str
    ) -> AsyncIterator[tuple[Scope, SecretSealed]]:
        """Yield the secrets of a name that reach a project, the nearest first."""
        for scope in reaching(forge, project, owner):
            last = await self._last(scope.secret(name))
            if last is None or isinstance(last.fact, SecretRemoved):
                continue
            if not scope.project and await self._renamed(scope, since=last.seq):
                continue
            yield scope, last.fact

    async def _renamed(self, scope: Scope, *, since: int) -> bool:
        """Tell whether a tenant's name is perhaps another account's since a secret was set.

        Whoever takes a name that is free again is somebody else, and gets nothing of it.
        """
        for owner in lineage(scope.owner):
            last = await self.events.last(tenant(scope.forge, owner), TenantRenamed)
            if last is not None and last.seq > since:
                return True
        return False

    async def put(
        self,
        scope: Scope,
        name: str,
        value: bytes,
        *,
        by: str,
        environments: tuple[Kind, ...] = (PRODUCTION,),
    ) -> int:
        """Give a secret its value; return the sequence at which it holds.

        Raises SecretInvalid, KeysUnsafe, KeysBusy, Conflict, and what blobs and log raise.
        """
        check_name(name)
        check_value(value)
        of = scope.secret(name)
        async with self.keys.sealing():
            key = (await run_blocking(self.keys.ring)).newest
            text = box.seal(value, box.stored(of), key.id, key.public())
            blob = await self.blobs.put(text.encode())

            def sealed(last: Last) -> SecretSealed:
                old = last.fact.sealed if last and isinstance(last.fact, SecretSealed) else ""
                return SecretSealed(
                    name=name,
                    scope=scope.kind,
                    key_id=key.id,
                    sealed=blob,
                    replaces=old,
                    environments=environments,
                )

            return await self._record(of, sealed, by, scope.of)

    async def put_sealed(
        self,
        scope: Scope,
        name: str,
        text: str,
        *,
        by: str,
        environments: tuple[Kind, ...] = (PRODUCTION,),
    ) -> int:
        """Give a secret the value of a box that was sealed for it; raises as ``put``."""
        check_name(name)
        ring = await run_blocking(self.keys.ring)
        try:
            value = box.unseal(text, box.sent(scope, name), ring)
        except KeyGone as error:
            raise SecretInvalid(f"sealed: {error.message}", hint="seal the value again") from error
        return await self.put(scope, name, value, by=by, environments=environments)

    async def remove(self, scope: Scope, name: str, *, by: str) -> int:
        """Take a secret away; return the sequence from which it is gone; raises SecretMissing."""
        of = scope.secret(name)

        def removed(last: Last) -> SecretRemoved:
            if last is None or isinstance(last.fact, SecretRemoved):
                raise SecretMissing(
                    f"{scope.of} has no secret {name}",
                    hint="`pushline secrets ls` shows all of them",
                )
            return SecretRemoved(name=name, scope=scope.kind, sealed=last.fact.sealed)

        return await self._record(of, removed, by, scope.of)

    async def opened(self, envelope: bytes) -> dict[str, bytes]:
        """Return the secrets of one build by name, from what faas-cli has sealed for it.

        Raises SecretInvalid, KeyGone, KeysUnsafe.
        """
        return unseal(envelope, await run_blocking(self.keys.existing))

    async def public_key(self) -> PublicKey:
        """Return what anybody may seal with; raises KeysUnsafe."""
        key = (await run_blocking(self.keys.ring)).newest
        return PublicKey(key_id=key.id, public_key=base64.b64encode(key.public()).decode())

    async def reseal(self, of: Aggregate, key_id: str) -> bool:
        """Seal one secret with the newest key unless it is; tell whether that was done.

        ``key_id`` is the newest, as the caller has seen it. Somebody who sets the value meanwhile
        has the last word. Raises SecretUnreadable.
        """
        last = await self._last(of)
        if last is None or isinstance(last.fact, SecretRemoved) or last.fact.key_id == key_id:
            return False
        if (value := await self._value(of)) is None:
            return False
        async with self.keys.sealing():
            key = (await run_blocking(self.keys.ring)).newest
            text = box.seal(value, box.stored(of), key.id, key.public())
            fact = SecretSealed(
                name=last.fact.name,
                scope=last.fact.scope,
                key_id=key.id,
                sealed=await self.blobs.put(text.encode()),
                replaces=last.fact.sealed,
                resealed=True,
                environments=last.fact.environments,
            )
            try:
                await self._append(of, fact, last, "secrets", last.name)
            except Conflict:
                await self.blobs.delete(fact.sealed)
                return False
        return True

    async def _value(self, of: Aggregate) -> bytes | None:
        """Return the value of exactly this secret."""
        seen = 0
        while True:
            last = await self._last(of)
            if last is None or isinstance(last.fact, SecretRemoved):
                return None
            try:
                text = await self.blobs.get(last.fact.sealed)
                ring = await run_blocking(self.keys.existing)
                return box.unseal(text.decode("ascii", "replace"), box.stored(of), ring)
            except (BlobMissing, KeyGone, SecretInvalid) as error:
                if last.seq == seen:  # nobody has sealed it anew in between: it is so
                    raise SecretUnreadable(
                        f"the secret {last.fact.name} of {last.name} cannot be opened: "
                        f"{error.message}",
                        hint="set it again: pushline secrets set",
                    ) from error
                seen = last.seq

    async def _record(
        self, of: Aggregate, make: Callable[[Last], Fact], by: str, label: str
    ) -> int:
        """Append what ``make`` makes of the last fact; decide again on Conflict."""
        for _ in range(TRIES):
            last = await self._last(of)
            try:
                return await self._append(of, make(last), last, by, label)
            except Conflict:
                continue
        raise Conflict(f"{of.id} is being changed by others", hint="try again")

    async def _last(self, of: Aggregate) -> Last:
        found: Last = await self.events.last(of, SecretSealed, SecretRemoved)
        return found

    async def _append(self, of: Aggregate, fact: Fact, last: Last, by: str, label: str) -> int:
        guard = Guard(subjects.history(of), last.seq if last else 0)
        # the blob is of this very call: nobody else writes this id
        id = event_id("secrets", fact.sealed, fact)
        return await self.events.append(fact, of=of, id=id, actor=by, name=label, guard=guard)
