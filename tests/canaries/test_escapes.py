"""Secrets come into a whole Pushline by every way there is, and are found nowhere in it.

Nowhere: in no message of any stream with its headers, no blob, object, snapshot, record of the
audit or log line. What may be somewhere, by design:

- a verified webhook's body is kept as it came, in DELIVERIES, for 30 days;
- what a user's function prints is in its own log, in LOGS, for 7 days;
- what was pushed is in the repository, and what of it a function is made of in its blob;
- `up` shows its token and link on the terminal of whoever started it.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.connection import connect
from bus.server import NatsServer
from tests.canaries import planting
from tests.canaries.cage import Cage, search
from tests.canaries.planting import Planted
from tests.heavy.identity.github import PlayedGitHub
from tests.heavy.identity.played import playing
from tests.laptop import laptop

TERMINAL = "the terminal of up"


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    """Yield a Pushline whose every secret setting is a canary, with its log lines at their most."""
    cage = Cage()
    names = (
        *("GITHUB_WEBHOOK_SECRET", "GITLAB_WEBHOOK_TOKEN", "PAYLOAD_SECRET", "REGISTRY_PASSWORD"),
        *("GATEWAY_PASSWORD", "GITHUB_CLIENT_SECRET", "S3_SECRET_KEY"),
    )
    settings = {f"PUSHLINE_{name}": cage.plant(f"setting {name}") for name in names}
    index = cage.plant("password of the package index")
    with playing(PlayedGitHub()) as github:
        environment = {
            **settings,
            "PUSHLINE_LOG_LEVEL": "debug",
            "PUSHLINE_GITHUB_CLIENT_ID": "client",
            "PUSHLINE_GITHUB_URL": github.url,
            "PIP_INDEX_URL": f"http://user:{index}@127.0.0.1:1/simple",
            "PIP_RETRIES": "0",
            "SOMEBODYS_PASSWORD": cage.plant("variable of up"),
        }
        with laptop(tmp_path_factory.mktemp("planted"), environment) as here:
            cage.plant("token of up", TERMINAL, value=here.endpoint()["token"])
            yield Planted(here, cage, github, settings)


async def everywhere(cage: Cage, home: Path) -> tuple[list[str], int]:
    """Search a home whose ``up`` has ended, and its log."""
    server = NatsServer(home)
    server.start()
    try:
        async with connect(server.settings("platform"), name="canaries") as bus:
            return await search(cage, bus, home)
    finally:
        server.stop()


@pytest.mark.timeout(240)
def test_no_secret_escapes(planted: Planted, tmp_path: Path) -> None:
    """All of the above at once; then everything that was kept or said is searched."""

    async def story() -> None:
        await asyncio.gather(
            planting.webhooks(planted), planting.pushes(planted, tmp_path / "work")
        )
        await asyncio.gather(
            planting.calls(planted), planting.requests(planted), planting.signing_in(planted)
        )

    asyncio.run(story())
    planted.here.stop()
    found, looked = asyncio.run(everywhere(planted.cage, planted.here.home))
    said = (planted.here.home.parent / "up.log").read_bytes()

    assert found == []
    assert looked > 50
    assert planted.cage.escaped(TERMINAL, said) == []
