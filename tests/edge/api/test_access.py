"""Answers that do not end, end with the rights of who reads them."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from edge.api import access
from edge.api.access import while_allowed


async def _lines(more: asyncio.Queue[str], closed: asyncio.Event) -> AsyncIterator[str]:
    try:
        while (line := await more.get()) != "end":
            yield line
    finally:
        closed.set()


@pytest.mark.parametrize("silent", [True, False])
async def test_it_ends_within_a_second_of_its_rights(
    monkeypatch: pytest.MonkeyPatch, *, silent: bool
) -> None:
    """Also when nothing comes; what came after is not told, and the source is closed."""
    monkeypatch.setattr(access, "EACH", 0.02)
    more, closed, seen, may = asyncio.Queue[str](), asyncio.Event(), [], [True]
    more.put_nowait("one")

    async def read() -> None:
        async for line in while_allowed(_lines(more, closed), lambda: may[0]):
            seen.append(line)
            may[0] = False
            if not silent:
                more.put_nowait("two")

    await asyncio.wait_for(read(), 1)

    assert seen == ["one"]
    assert closed.is_set()


async def test_it_ends_with_what_it_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it comes, however slowly it is made."""
    monkeypatch.setattr(access, "EACH", 0.01)
    more, closed = asyncio.Queue[str](), asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, more.put_nowait, "one")
    asyncio.get_running_loop().call_later(0.1, more.put_nowait, "end")

    assert [line async for line in while_allowed(_lines(more, closed), lambda: True)] == ["one"]
    assert closed.is_set()
