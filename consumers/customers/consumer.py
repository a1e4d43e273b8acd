"""Customers: what the list says becomes facts, so that the log knows who might push when.

Reads   the list of customers; tenant.admitted/1, tenant.dismissed/1, customers.listed/1
Writes  tenant.admitted/1, tenant.dismissed/1, customers.listed/1
Calls   where the list is
Twice   is harmless: only differences are written, all under one guard. A list that cannot be read
        or is none changes nothing: the last good one is what the log says
"""

import asyncio
from typing import Final

import structlog

from bus.fold import Fold
from bus.log import Draft, EventLog, Guard
from consumers.customers.listing import Changes, Customer, CustomersInvalid, changes, parse
from consumers.customers.origin import CustomersUnavailable, Origin
from consumers.forges.customers import LIST, LISTED, Admitted
from schemas.envelope import tenant
from schemas.errors import Conflict, LogUnavailable
from schemas.events.customers import CustomersListed
from schemas.events.tenant import TenantAdmitted, TenantDismissed
from schemas.ids import event_id

NAME: Final = "customers"
BATCH: Final = 500  # accounts recorded at once; the server takes 1,000
SOON: Final = 1.0  # seconds until a refused or lost append is tried again

log = structlog.get_logger(__name__)


async def keep(
    events: EventLog, admitted: Fold[Admitted], origin: Origin, stopping: asyncio.Event
) -> None:
    """Record what the list changes, until told to stop."""
    ended = asyncio.create_task(stopping.wait())
    told = ""
    try:
        while not ended.done():
            pause = origin.every
            try:
                listed = parse(await origin.read())
                await record(events, admitted, listed)
                told = ""
            except (CustomersInvalid, CustomersUnavailable) as error:
                if error.message != told:
                    log.warning("customers_kept_as_they_were", code=error.code, message=str(error))
                told = error.message
                pause = min(pause, 30.0)
            except (Conflict, LogUnavailable) as error:
                log.info("customers_not_recorded", code=error.code)
                pause = SOON
            await asyncio.wait((ended,), timeout=pause)
    finally:
        ended.cancel()


async def record(
    events: EventLog, admitted: Fold[Admitted], listed: tuple[Customer, ...]
) -> Changes:
    """Append what differs, and that the list was read; Conflict when another did meanwhile."""
    base = await events.last_seq(LISTED)
    await admitted.reached(base)
    known = [Customer(*name.split(" ", 1)) for name in admitted.rows if name]
    found = changes(listed, known)
    for owner, other in found.refused:
        log.warning("customer_refused", owner=owner, collides_with=other)
    facts: list[tuple[Customer, TenantAdmitted | TenantDismissed]] = [
        *((customer, TenantAdmitted()) for customer in found.admitted),
        *((customer, TenantDismissed()) for customer in found.dismissed),
    ]
    if not facts and "" in admitted.rows:
        return found
    while True:
        now, facts = facts[:BATCH], facts[BATCH:]
        drafts = [_draft(customer, fact, base) for customer, fact in now]
        said = CustomersListed(len(set(listed)), complete=not facts)
        id = event_id(NAME, str(base), said)
        drafts.append(Draft(said, LIST, id, Guard(LISTED, base)))
        base = await events.append_all(drafts, actor=NAME)
        if not facts:
            return found


def _draft(customer: Customer, fact: TenantAdmitted | TenantDismissed, base: int) -> Draft:
    id = event_id(NAME, str(base), fact, *customer)
    return Draft(fact, tenant(customer.forge, customer.owner), id)
