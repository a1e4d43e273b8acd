"""More callers at once than a function may have threads."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from tests.laptop import Laptop, laptop, repository, saying

CALLERS: Final = 150  # a function has 64 threads and processes at most


async def call(session: aiohttp.ClientSession, here: Laptop) -> str:
    """Make one call; return what came of it."""
    async with session.post(
        f"http://127.0.0.1:{here.port}/hello",
        headers={"Host": f"alice.localhost:{here.port}"},
        data=b"x",
    ) as answer:
        return f"{answer.status} {await answer.text()}"


@pytest.mark.timeout(180)
async def test_a_crowd_waits_its_turn(tmp_path: Path) -> None:
    """Every caller is answered, some a little later, and the function lives on."""
    with laptop(tmp_path) as here:
        work = repository(tmp_path / "work", {"hello/handler.py": saying("served", slow="0.2")})
        await asyncio.to_thread(here.push, work)
        await here.answers("hello", "served")
        connector = aiohttp.TCPConnector(limit=CALLERS)
        async with aiohttp.ClientSession(connector=connector) as session:
            outcomes = Counter(await asyncio.gather(*(call(session, here) for _ in range(CALLERS))))
        log = here.log()

    assert outcomes == {"200 served": CALLERS}
    assert "function_ended" not in log
