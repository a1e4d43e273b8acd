"""The book of domains: who writes that a host leads somewhere, and refuses what another has."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from bus.log import EventLog, Guard
from edge import domains
from schemas import subjects
from schemas.envelope import Recorded
from schemas.errors import Conflict, PushlineError
from schemas.events import Event
from schemas.events.domain import DomainMapped, DomainUnmapped

MOVES: Final = 5  # times that somebody may write between our look and our fact

Told = Callable[[str], bool]  # by a tenant's label
Last = Recorded[DomainMapped | DomainUnmapped] | None


class DomainTaken(PushlineError):
    """A host leads somewhere else already."""

    code = "domain_taken"
    status: ClassVar = 409


class DomainUnknown(PushlineError):
    """A host leads nowhere."""

    code = "domain_unknown"
    status: ClassVar = 404


@dataclass(frozen=True, slots=True)
class DomainBook:
    """Writes facts about hosts, each guarded by the host's history."""

    events: EventLog
    root_domain: str
    own: frozenset[str] = frozenset()  # the platform's hosts

    async def add(
        self, host: str, label: str, function: str, *, by: str, told: Told
    ) -> tuple[str, int]:
        """Lead a host somewhere; return it and the sequence at which it does.

        Harmless to repeat. Raises DomainInvalid, DomainTaken: that says where the host leads if
        whoever asks may be ``told`` of that tenant.
        """
        name = domains.canonical(host, self.root_domain, self.own)
        wanted = DomainMapped(host=name, label=label, function=function)

        def decide(last: Last) -> Event | None:
            if last is None or isinstance(last.fact, DomainUnmapped):
                return wanted
            if last.fact == wanted:
                return None
            if not told(last.fact.label):
                raise DomainTaken(
                    f"{name} leads elsewhere already",
                    hint="it is another tenant's, who may free it",
                )
            there = f"{last.fact.label}/{last.fact.function}".removesuffix("/")
            raise DomainTaken(
                f"{name} leads to {there} already",
                hint=f"`pushline domains rm {name}` frees it",
            )

        return name, await self._write(name, decide, by)

    async def remove(
        self, host: str, *, by: str, told: Told, allowed: Callable[[str], None]
    ) -> tuple[str, int]:
        """Lead a host nowhere; return it and the sequence.

        Raises DomainUnknown, also for one of whose tenant nothing may be ``told``, and what
        ``allowed`` raises for its tenant's label.
        """
        name = host.strip().lower().removesuffix(".")

        def decide(last: Last) -> Event:
            if last is None or isinstance(last.fact, DomainUnmapped) or not told(last.fact.label):
                raise DomainUnknown(
                    f"{name} leads nowhere", hint="`pushline domains ls` shows those that do"
                )
            allowed(last.fact.label)
            return DomainUnmapped(host=name)

        return name, await self._write(name, decide, by)

    async def _write(self, host: str, decide: Callable[[Last], Event | None], by: str) -> int:
        of = domains.aggregate(host)
        id = f"edge:{uuid.uuid4()}:domain"
        for attempt in range(MOVES):
            seq = await self.events.last_seq(subjects.history(of))
            fact = decide(await self.events.last(of, DomainMapped, DomainUnmapped))
            if fact is None:
                return seq
            guard = Guard(subjects.history(of), seq)
            try:
                return await self.events.append(
                    fact, of=of, id=f"{id}:{attempt}", actor=by, guard=guard
                )
            except Conflict:
                continue  # somebody wrote about this host: look again
        raise Conflict(f"the history of {host} does not stand still")
