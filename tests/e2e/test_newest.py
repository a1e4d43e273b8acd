"""Newest wins, seen from outside: pushes on each other's heels."""

import asyncio
from pathlib import Path

import pytest

from tests.laptop import commit, laptop, repository, saying
from tests.watch import seen


@pytest.mark.timeout(240)
async def test_of_two_quick_pushes_the_newest_is_live(tmp_path: Path) -> None:
    """The second push supersedes the first, whose terminal says by which run; git ends well."""
    with laptop(tmp_path) as here:
        work = repository(tmp_path / "work", {"hello/handler.py": saying("zero")})
        await asyncio.to_thread(here.push, work)
        commit(work, {"hello/handler.py": saying("older")})
        older = here.pushing(work)
        await seen(here.home, "run.queued", count=2)
        commit(work, {"hello/handler.py": saying("newer")})
        newer = await asyncio.to_thread(here.push, work)
        said = (await asyncio.to_thread(older.communicate, timeout=60))[0]

        await here.answers("hello", "newer")
        assert older.returncode == 0, said
        assert "live at" in newer
        tags = [event["type"].partition("/")[0] for event in here.events()]
        assert tags.count("run.queued") == 3
        ended = tags.count("run.finished") + tags.count("run.superseded")
        assert ended == 3, tags
