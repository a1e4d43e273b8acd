"""What a daemon asks of a session: secrets and credentials, and nothing that tells of them."""

import logging
from pathlib import Path

import pytest

from consumers.builder.buildkit import (
    Client,
    ContextInvalid,
    Denied,
    Export,
    FolderContext,
    Log,
    Progress,
    Solve,
    SolveFailed,
)
from consumers.builder.buildkit.session import Offer
from tests.consumers.builder.buildkit.conftest import Folder
from tests.heavy.registries import PASSWORD, USER, OwnRegistry

MOUNTED = "RUN --mount=type=secret,id=token busybox sha256sum /run/secrets/token\n"
SECRET = b"correct horse battery staple"
DIGEST = "c4bbcb1fbec99d65bf59d85c8cb62ee2db963f0fe106f483d9afa73bd4e39a8a"


async def test_a_secret_is_mounted(client: Client, folder: Folder) -> None:
    """A step sees the secret that the session has under the mount's id."""
    context = FolderContext(folder(MOUNTED))
    heard: list[Progress] = []

    def secrets(name: str) -> bytes | None:
        return SECRET if name == "token" else None

    async with client.session(
        contexts={"context": context, "dockerfile": context}, secrets=secrets
    ) as session:
        asked = Solve(session=session, frontend_attrs={"no-cache": ""})
        await client.solve(asked, heard.append)

    log = "".join(one.text for one in heard if isinstance(one, Log))
    assert DIGEST in log


async def test_a_required_secret_that_is_missing(client: Client, folder: Folder) -> None:
    """A step that needs a secret that nobody has fails by its name."""
    made = folder(MOUNTED.replace("id=token", "id=token,required"))
    context = FolderContext(made)

    async with client.session(contexts={"context": context, "dockerfile": context}) as session:
        with pytest.raises(SolveFailed, match="token"):
            await client.solve(Solve(session=session))


async def test_an_error_of_a_callback_is_raised_again(
    client: Client, folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    """What the caller's callback raises is what solve raises; its text goes nowhere else."""
    context = FolderContext(folder(MOUNTED))
    heard: list[Progress] = []

    def secrets(name: str) -> bytes | None:
        raise LookupError(f"{SECRET.decode()} for {name}")

    async with client.session(
        contexts={"context": context, "dockerfile": context}, secrets=secrets
    ) as session:
        asked = Solve(session=session, frontend_attrs={"no-cache": ""})
        with pytest.raises(LookupError, match="horse"), caplog.at_level(logging.DEBUG):
            await client.solve(asked, heard.append)

    assert "horse" not in caplog.text
    assert "horse" not in repr(heard)


async def test_an_error_belongs_to_its_build(client: Client, folder: Folder) -> None:
    """The next build of the same session fails by its own fault, not by that of the last."""
    context = FolderContext(folder(MOUNTED, Broken="NONSENSE\n"))

    def secrets(name: str) -> bytes | None:
        raise LookupError(name)

    async with client.session(
        contexts={"context": context, "dockerfile": context}, secrets=secrets
    ) as session:
        with pytest.raises(LookupError):
            await client.solve(Solve(session=session, frontend_attrs={"no-cache": ""}))
        with pytest.raises(SolveFailed, match="NONSENSE"):
            await client.solve(Solve(session=session, frontend_attrs={"filename": "Broken"}))


def test_an_offer_keeps_to_itself() -> None:
    """What a session has to give is in no repr."""
    offer = Offer(credentials=lambda _: ("pushline", "horse"), secrets=lambda _: SECRET)

    assert "horse" not in repr(offer)
    assert "lambda" not in repr(offer)


async def test_a_push_asks_for_credentials(
    pushing: Client, folder: Folder, guarded: OwnRegistry
) -> None:
    """The daemon asks who we are at the registry that it pushes to, and pushes."""
    context = FolderContext(folder("RUN true\n"))
    hosts: list[str] = []
    image = Export("image", {"name": f"{guarded.host}/alice/hello:1", "push": "true"})

    def credentials(host: str) -> tuple[str, str]:
        hosts.append(host)
        return USER, PASSWORD

    async with pushing.session(
        contexts={"context": context, "dockerfile": context}, credentials=credentials
    ) as session:
        result = await pushing.solve(Solve(session=session, exports=[image]))

    assert result.digest.startswith("sha256:")
    assert set(hosts) == {guarded.host}


@pytest.mark.parametrize("password", ["open-barley", ""])
async def test_a_wrong_password_is_denied(
    pushing: Client, folder: Folder, guarded: OwnRegistry, password: str
) -> None:
    """A push with a wrong password, or none, is no fault of the code and no use to repeat."""
    context = FolderContext(folder("RUN true\n"))
    image = Export("image", {"name": f"{guarded.host}/alice/hello:2", "push": "true"})

    async with pushing.session(
        contexts={"context": context, "dockerfile": context},
        credentials=lambda _: (USER if password else "", password),
    ) as session:
        with pytest.raises(Denied) as caught:
            await pushing.solve(Solve(session=session, exports=[image]))

    assert not caught.value.retryable
    assert "barley" not in str(caught.value)


async def test_a_registry_that_is_down_may_come_back(pushing: Client, folder: Folder) -> None:
    """A push to where nobody listens is worth another try."""
    context = FolderContext(folder("RUN true\n"))
    image = Export("image", {"name": "127.0.0.1:9/alice/hello:1", "push": "true"})

    async with pushing.session(contexts={"context": context, "dockerfile": context}) as session:
        with pytest.raises(SolveFailed) as caught:
            await pushing.solve(Solve(session=session, exports=[image]))

    assert caught.value.retryable
    assert caught.value.exit_code is None


async def test_a_context_that_is_not_there(client: Client, tmp_path: Path) -> None:
    """A folder that does not exist is said before anything is asked of the daemon."""
    with pytest.raises(ContextInvalid, match="not a folder"):
        async with client.session(contexts={"context": FolderContext(tmp_path / "none")}):
            pass


async def test_a_name_that_the_session_does_not_have(client: Client, folder: Folder) -> None:
    """A build whose session lacks the Dockerfile's folder fails, and says which."""
    context = FolderContext(folder("RUN true\n"))

    async with client.session(contexts={"context": context}) as session:
        with pytest.raises(SolveFailed, match="'dockerfile'"):
            await client.solve(Solve(session=session))


async def test_a_session_answers_for_its_health(pushing: Client, folder: Folder) -> None:
    """A session longer than the daemon's health checks serves one build after the other."""
    context = FolderContext(folder("ARG long\nRUN busybox sleep $long\n"))

    async with pushing.session(contexts={"context": context, "dockerfile": context}) as session:
        for long in ("5.5", "0"):  # the daemon asks for its health every five seconds
            attrs = {"no-cache": "", "build-arg:long": long}
            await pushing.solve(Solve(session=session, frontend_attrs=attrs))
