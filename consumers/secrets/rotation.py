"""Rotation: a new key, every secret sealed with it, the old key gone.

Killed anywhere it goes on with the next call: until all is sealed anew, both keys open.
"""

import asyncio
from typing import Final

import structlog

from bus.blocking import run_blocking
from bus.fold import Fold
from consumers.secrets.register import Secret
from consumers.secrets.store import Secrets
from schemas.envelope import Aggregate
from schemas.errors import LogUnavailable
from schemas.secrets import Rotated

log = structlog.get_logger(__name__)

PATIENCE: Final = 10.0  # seconds that the register has to come to the log's head


async def rotate(secrets: Secrets, register: Fold[Secret]) -> Rotated:
    """Rotate, or end what an earlier call had begun; ``register`` follows the log.

    Raises KeysBusy while another does so, SecretUnreadable (nothing is dropped then) for a secret
    that no key opens: it has to be set again or removed first.
    """
    keys = secrets.keys
    async with keys.rotating():
        ring = await run_blocking(keys.ring)
        resumed = len(ring.keys) > 1
        if not resumed:
            ring = await run_blocking(keys.add)
        newest = ring.newest.id
        resealed, dropped = 0, None
        while dropped is None:
            for of in await _behind(secrets, register, newest):
                resealed += await secrets.reseal(of, newest)
            # who began to seal before the new key came may have written since
            async with keys.dropping():
                if not await _behind(secrets, register, newest):
                    dropped = await run_blocking(keys.drop_older)
    log.info("keys_rotated", key=newest, resealed=resealed, dropped=dropped, resumed=resumed)
    return Rotated(key_id=newest, resealed=resealed, dropped=dropped, resumed=resumed)


async def _behind(secrets: Secrets, register: Fold[Secret], newest: str) -> list[Aggregate]:
    """Return the secrets that are sealed with another key, as of the log's head."""
    try:
        async with asyncio.timeout(PATIENCE):
            await register.reached(await secrets.events.head())
    except TimeoutError as error:
        raise LogUnavailable("it is not known which secrets there are") from error
    rows = register.rows.values()
    return [
        Aggregate(row.forge, row.project, "secret", row.id)
        for row in rows
        if row.key_id != newest and not row.sealed
    ]
