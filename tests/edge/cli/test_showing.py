"""Which forges are told how commits stand, by the settings."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime

from msgspec.structs import replace

from consumers.status.github import Checks, Statuses
from consumers.status.gitlab import Jobs
from consumers.status.standing import Standing
from edge.cli.forges import ForgeApis
from edge.cli.home import Endpoint
from edge.cli.settings import Settings
from edge.cli.showing import links, showing
from schemas.repository import Repository
from tests.heavy.forges.github.state import pem

AT = Endpoint(
    url="http://localhost:8080",
    host="127.0.0.1",
    port=8080,
    root_domain="example.com",
    token="t",
    log="",
    pid=1,
    started=datetime(2026, 11, 25, tzinfo=UTC),
    version="0",
    public="https://example.com",
)


async def test_each_forge_that_has_a_right_to_be_asked_is_told() -> None:
    """None without an App or a token; statuses in place of checks where those are off."""
    app = Settings(github_app_id="4711", github_app_key=pem())
    async with AsyncExitStack() as closing:

        def chosen(settings: Settings) -> dict[str, type]:
            found = showing(ForgeApis(settings, closing), settings)
            return {name: type(forge) for name, forge in found.items()}

        assert chosen(Settings()) == {}
        assert chosen(replace(app, gitlab_token="t")) == {"github": Checks, "gitlab": Jobs}
        assert chosen(replace(app, github_checks=False)) == {"github": Statuses}


def test_people_are_led_to_the_public_addresses() -> None:
    """To a function under its tenant's host, to a run at the system's."""
    at = Standing(
        forge="github",
        project="1",
        environment="pr-7",
        sha="ab" * 20,
        repository=Repository("acme", "shop", "main"),
        state="live",
        label="acme",
    )
    to = links(AT)

    assert to.function(at, "hello") == "https://pr-7--acme.example.com/hello"
    assert to.log("01JD") == "https://system.example.com/api/runs/01JD/logs"
