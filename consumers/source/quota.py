"""Quota: whether an account may have what its run asks for, before anything is built.

The truth is the log: what runs use is folded from it, and the facts that a run begins to use
something by are guarded by what the decision knew. Of two pushes at once the second decides again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Final

import msgspec

from bus.fold import Fold
from bus.log import EventLog, Guard
from consumers.source.limits import Refused
from schemas import allowed, using
from schemas.allowed import Said, quota_of
from schemas.envelope import Recorded
from schemas.events.run import RunQueued
from schemas.quantity import QuantityInvalid, memory, quantity
from schemas.quotas import Quota, over
from schemas.stack_spec import FunctionSpec
from schemas.subjects import encode
from schemas.tenants import account
from schemas.using import Need, Using

MOST: Final = "com.openfaas.scale.max"  # the label that says how many replicas there may be
MIB: Final = 1024 * 1024


class Usual(msgspec.Struct, frozen=True, kw_only=True):
    """What a function takes where its stack says nothing, or cannot."""

    replicas: int = 1
    memory: int = 256  # MiB
    by_stack: bool = False  # whether the platform acts on what a stack says


def need_of(spec: FunctionSpec, usual: Usual) -> Need:
    """Return what a function takes at most; what cannot be read is refused by the platform."""
    replicas, size = usual.replicas, usual.memory
    if usual.by_stack:
        said = spec.labels.get(MOST, "")
        if said.isdecimal() and len(said) <= 9:
            replicas = int(said)
        size = _mib(spec.limits.memory) or size
    return Need(1, replicas, replicas * size)


def _mib(text: str) -> int:
    try:
        return ceil(quantity(memory(text)) / MIB) if text else 0
    except QuantityInvalid:
        return 0


@dataclass(frozen=True, slots=True)
class Quotas:
    """What source decides by; whoever runs source runs the folds too."""

    usual: Usual
    default: Quota
    said: Fold[Said]
    using: Fold[Using]

    @classmethod
    def kept(cls, usual: Usual, default: Quota, snapshots: Path | None = None) -> "Quotas":
        """Return folds that keep snapshots in a folder, if given."""
        return cls(
            usual,
            default,
            _fold("source-quotas", Said, allowed, snapshots),
            _fold("source-using", Using, using, snapshots),
        )

    def all(self) -> tuple[Fold[Any], ...]:
        """Return each of the folds."""
        return (self.said, self.using)

    async def admitted(
        self, events: EventLog, queued: Recorded[RunQueued], specs: Iterable[FunctionSpec]
    ) -> Guard | None:
        """Return what guards the run's archives, None where nothing limits it; raises Refused."""
        of, whose = queued.of, account(queued.of.forge, queued.fact.repository.full_name)
        await self.said.reached(queued.seq)
        quota = quota_of(self.said.rows, whose, self.default)
        if not (quota.functions or quota.replicas or quota.memory):
            return None
        filter = f"ev.{encode(of.forge)}.*.run.*.archived"
        guard = Guard(filter, await events.last_seq(filter))
        await self.using.reached(await events.head())
        problems = over(
            quota,
            self.using.rows,
            project=f"{of.forge} {of.project}",
            whose=whose,
            environment=queued.fact.environment,
            asked={spec.name: need_of(spec, self.usual) for spec in specs},
        )
        if problems:
            raise Refused("quota_exceeded", problems)
        return guard


def _fold(name: str, row: type[Any], module: Any, snapshots: Path | None) -> Fold[Any]:
    return Fold(name, row=row, key=module.key, reduce=module.reduce, snapshots=snapshots)
