"""The search for canaries finds them, or it would prove nothing."""

import base64
import gzip
from pathlib import Path
from urllib.parse import quote

import pytest

from bus.connection import Bus
from schemas.envelope import Aggregate
from schemas.events.run import RunBuildStarted
from tests.canaries.cage import Cage, search


@pytest.mark.parametrize("around", [b"", b"a", b"ab", b"user:"])
def test_a_canary_is_found_in_any_clothes(around: bytes) -> None:
    """Plain, in a URL, in hex, in base64 beside other bytes."""
    cage = Cage()
    value = cage.plant("password").encode()
    for body in (
        around + value + around,
        (around + value).hex().encode(),
        base64.b64encode(around + value + around),
        quote(f"http://{around.decode()}:{value.decode()}@host").encode(),
    ):
        assert cage.escaped("EVENTS", body) == ["password at EVENTS"]
        assert body in cage


def test_a_canary_may_be_where_it_belongs() -> None:
    """What is allowed at one place is an escape at another; other bytes are nothing."""
    cage = Cage()
    value = cage.plant("printed", "LOGS log.function").encode()

    assert cage.escaped("LOGS log.function.local.x #1", value) == []
    assert cage.escaped("LOGS log.build.local.x #1", value) == [
        "printed at LOGS log.build.local.x #1"
    ]
    assert cage.escaped("EVENTS", b"no bird") == []


async def test_streams_and_files_are_searched(bus: Bus, tmp_path: Path) -> None:
    """A body, a header, a file, a packed one: each is looked into."""
    cage = Cage()
    body, header, plain, packed = map(cage.plant, ("body", "header", "plain", "packed"))
    of = Aggregate("local", "alice/shop", "run", "1")
    await bus.log.append(RunBuildStarted(body), of=of, id="one", actor=header)
    (tmp_path / "files" / "a" / "b").mkdir(parents=True)
    (tmp_path / "files" / "a" / "b" / "plain").write_text(f"x{plain}")
    (tmp_path / "files" / "packed").write_bytes(gzip.compress(f"{packed}x".encode()))

    found, looked = await search(cage, bus, tmp_path / "files")

    assert sorted(found) == [
        "body at EVENTS ev.local.alice=2Fshop.run.1.build-started #1",
        "header at EVENTS ev.local.alice=2Fshop.run.1.build-started #1",
        "packed at packed",
        "plain at a/b/plain",
    ]
    assert looked >= 4
