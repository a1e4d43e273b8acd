"""Suspensions: nothing of an account is built while it has suspended us, or after it left.

Nothing is removed for it. What was pushed meanwhile is found once the account lets us go on.
"""

from typing import Final

from bus.log import EventLog
from consumers.forges.meaning import Ignored, Meaning, Push, Statement, is_zero
from schemas.envelope import tenant
from schemas.events.pull import PullOpened, PullUpdated
from schemas.events.tenant import TenantInstalled, TenantSuspended, TenantUninstalled
from schemas.repository import Repository

SUSPENDED: Final = (
    "{} has suspended the App: nothing is built, and what runs stays (the owner unsuspends it in "
    "their settings; `pushline events resend` then takes this delivery again)"
)
LEFT: Final = "{} has uninstalled the App: install it again, then push"


async def paused(meaning: Meaning, events: EventLog) -> Meaning:
    """Return what a delivery means as the log has its account."""
    came = _built(meaning)
    if came is None:
        return meaning
    forge, repository = came
    of, reads = (
        tenant(forge, repository.owner),
        (
            TenantInstalled,
            TenantSuspended,
            TenantUninstalled,
        ),
    )
    last = await events.last(of, *reads)
    match last.fact if last else None:
        case TenantSuspended(suspended=True):
            return _ignored(meaning, SUSPENDED, repository)
        case TenantUninstalled(installation=gone) if gone == repository.installation:
            return _ignored(meaning, LEFT, repository)
        case _:
            return meaning


def _built(meaning: Meaning) -> tuple[str, Repository] | None:
    """Return whose a delivery is that something is built for; None for any other.

    Only an App's deliveries tell of an installation.
    """
    match meaning.says:
        case Push(of=of, after=after, repository=repository) if not is_zero(after):
            found = of.forge, repository
        case (Statement(of=of, fact=PullOpened() | PullUpdated() as fact),):
            found = of.forge, fact.repository
        case _:
            return None
    return found if found[1].installation else None


def _ignored(meaning: Meaning, reason: str, repository: Repository) -> Meaning:
    return Meaning(meaning.kind, Ignored(reason.format(repository.owner)), meaning.actor)
