"""A function replaced again and again while it is called: no request fails."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from tests.laptop import Laptop, commit, laptop, repository

RATE: Final = 300  # requests per second
TIMES: Final = 10


def version(number: int) -> dict[str, str]:
    """Return a handler that tells its version, slowly where asked."""
    return {
        "hello/handler.py": (
            "import time\n\n\ndef handle(event, context):\n"
            "    if event.path == '/slow':\n        time.sleep(1)\n"
            f"    return 'version {number} ' + str(len(event.body or b''))\n"
        )
    }


async def call(session: aiohttp.ClientSession, here: Laptop, number: int) -> str:
    """Make one of the calls: a third POST, one in twenty slow; return what came of it."""
    body = b"x" * 2000 if number % 3 == 0 else None
    path = "/hello/slow" if number % 20 == 0 else "/hello"
    try:
        async with session.request(
            "POST" if body else "GET",
            f"http://127.0.0.1:{here.port}{path}",
            headers={"Host": f"alice.localhost:{here.port}"},
            data=body,
        ) as answer:
            text = await answer.text()
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"{type(error).__name__}: {error}"
    whole = answer.status == 200 and text.endswith(" 2000" if body else " 0")
    return "good" if whole else f"{answer.status}: {text[:200]}"


async def load(here: Laptop, stopping: asyncio.Event) -> Counter[str]:
    """Call at a steady rate until told to stop; count the outcomes."""
    outcomes: Counter[str] = Counter()
    started = time.monotonic()
    number = 0
    timeout = aiohttp.ClientTimeout(total=30)
    async with (
        aiohttp.ClientSession(
            timeout=timeout, connector=aiohttp.TCPConnector(limit=200)
        ) as session,
        asyncio.TaskGroup() as group,
    ):

        async def one(number: int) -> None:
            outcomes[await call(session, here, number)] += 1

        while not stopping.is_set():
            due = int((time.monotonic() - started) * RATE)
            while number < due:
                group.create_task(one(number))
                number += 1
            await asyncio.sleep(0.005)
    return outcomes


@pytest.mark.timeout(300)
async def test_ten_replacements_under_load_fail_no_request(tmp_path: Path) -> None:
    """300 requests/s, POST too, 5 % of them slow, ten new revisions: every answer is good."""
    with laptop(tmp_path) as here:
        work = repository(tmp_path / "work", version(0))
        await asyncio.to_thread(here.push, work)
        stopping = asyncio.Event()
        calling = asyncio.create_task(load(here, stopping))
        for number in range(1, TIMES + 1):
            commit(work, version(number))
            await asyncio.to_thread(here.push, work)
            await here.answers("hello", f"version {number}")
        stopping.set()
        outcomes = await calling
    assert outcomes["good"] > RATE * 2
    assert set(outcomes) == {"good"}, outcomes
