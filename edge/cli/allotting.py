"""What accounts may have and what counts for them, as source and builder are told."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from bus.fold import Fold
from consumers.source.quota import Quotas, Usual
from edge.cli.quota_settings import default_quota
from edge.cli.settings import Settings
from schemas import allowed
from schemas.allowed import Said, quota_of
from schemas.quantity import quantity

MIB: Final = 1024 * 1024


def quotas(chosen: Settings, snapshots: Path | None) -> Quotas:
    """Return what source decides by."""
    return Quotas.kept(usual(chosen), default_quota(chosen), snapshots)


def usual(chosen: Settings) -> Usual:
    """Return what a function takes where its stack says nothing; locally it is one process."""
    if chosen.platform != "openfaas":
        return Usual(memory=chosen.function_memory)
    most = int(quantity(chosen.memory_most) // MIB)
    memory = min(chosen.function_memory, most)
    return Usual(replicas=chosen.replicas_most, memory=memory, by_stack=True)


def builds(chosen: Settings, snapshots: Path | None) -> tuple[Fold[Said], Callable[[str], int]]:
    """Return how many builds of an account may run at once, and the fold that says so."""
    usually = default_quota(chosen)
    fold = Fold(
        "builder-quotas",
        row=Said,
        key=allowed.key,
        reduce=allowed.reduce,
        snapshots=snapshots,
    )
    return fold, lambda whose: quota_of(fold.rows, whose, usually).builds
