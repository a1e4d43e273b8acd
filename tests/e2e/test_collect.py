"""What left stack.yml goes: pushed with git, called through the router, on a whole Pushline."""

import json
from pathlib import Path

from tests.laptop import commit, laptop, repository, saying


def stack(*names: str) -> str:
    """Return a stack of functions that share a handler."""
    each = "".join(
        f"  {name}:\n    lang: python3-http\n    handler: ./hello\n    image: {name}\n"
        for name in names
    )
    return f"version: 1.0\nprovider:\n  name: openfaas\nfunctions:\n{each}"


async def test_a_renamed_function_goes_by_its_old_name_alone(tmp_path: Path) -> None:
    """A kill between the push and the removal loses nothing: the old name ends, once."""
    with laptop(tmp_path, {"PUSHLINE_COLLECT_GRACE_MINUTES": "0"}) as here:
        files = {"hello/handler.py": saying("hello")}
        work = repository(tmp_path / "work", files, stack("old", "other"))
        here.push(work)
        await here.answers("old", "hello")
        commit(work, {"stack.yml": stack("new", "other")})
        here.push(work)
        here.kill()
        here.start(0)
        here.wait(lambda: bool(here.events("--type", "function.removed")), "the old name goes")
        await here.answers("new", "hello")
        await here.answers("other", "hello")

        await here.answers("old", "No function of this name")
        (removed,) = here.events("--type", "function.removed")
        assert removed["fact"]["function"] == "old"
        assert here.pushline("collect", "ls").strip() == "nothing is about to go"
        # what both were made of is needed still
        lines = here.pushline("collect", "--dry-run", "--json").splitlines()
        unneeded = [json.loads(line) for line in lines]
        assert {one["kind"] for one in unneeded} == {"spec"}
        assert {one["because"] for one in unneeded} <= {event["seq"] for event in here.events()}
        assert "0 differ" in here.pushline("replay", "--consumer", "collector")
