"""One POST of a sink: within a time, without redirects, its answer no more than a status."""

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp

from consumers.audit.sinks.state import NotTaken, TooMuch

LONGEST: Final = 3600.0  # seconds that a receiver may ask us to wait


async def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> None:
    """Send; NotTaken unless the answer is 2xx, TooMuch for 413.

    Neither the URL nor the answer's text is told on: both may hold what is secret.
    """
    limit = aiohttp.ClientTimeout(total=timeout)
    try:
        async with (
            aiohttp.ClientSession(timeout=limit, auto_decompress=False) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            status, wait = answer.status, answer.headers.get("Retry-After", "")
    except TimeoutError as error:
        raise NotTaken(f"no answer within {timeout:g} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise NotTaken(f"not reached: {type(error).__name__}") from None
    if status == 413:
        raise TooMuch("answered 413: too much at once")
    if not 200 <= status < 300:
        raise NotTaken(f"answered {status}", after=seconds_of(wait))


def seconds_of(retry_after: str) -> float:
    """Return how long a receiver asks us to wait: seconds, or a date; 0 for anything else."""
    if retry_after.isdecimal():
        return min(float(retry_after), LONGEST)
    try:
        wait = parsedate_to_datetime(retry_after).timestamp() - time.time()
    except (ValueError, TypeError):
        return 0.0
    return min(max(wait, 0.0), LONGEST)
