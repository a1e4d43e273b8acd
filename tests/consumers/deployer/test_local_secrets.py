"""Secrets on the local platform: files within the walls, for the function's user alone."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from consumers.deployer.local.control import Order
from consumers.deployer.local.secrets import MOST, files_of
from consumers.deployer.local.settings import SupervisorSettings
from consumers.deployer.platform import Revision
from schemas.errors import DeployFailed
from tests.consumers.deployer.machine import Machine, revision_of, until
from tests.consumers.deployer.openfaas.test_secrets import Store

VALUE = "CANARY-value-of-a-function"
PLACES = ("/var/openfaas/secrets", "/run/secrets")


@pytest.fixture
async def open_machine() -> AsyncIterator[Machine]:
    """Yield a machine whose functions see its files, as where the system allows no walls."""
    home = Path(tempfile.mkdtemp(prefix="pushline-"))
    (home / "run").mkdir()
    made = Machine(SupervisorSettings(home=home, run=home / "run", isolate=False))
    try:
        await made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(home, ignore_errors=True)


async def confided(machine: Machine, **fields: Any) -> Revision:
    """Deploy a function with the secrets api-key and db."""
    machine.platform.secrets = Store(**{"api-key": VALUE.encode(), "db": b"\xff\x00"})
    revision = machine.revision(secrets=("api-key", "db"), **fields)
    await machine.platform.deploy(revision)
    return revision


async def test_a_function_reads_its_secrets_where_containers_have_them(machine: Machine) -> None:
    """By the name of stack.yml and by that of a gateway; nothing is writable, nothing in env."""
    revision = await confided(machine)
    if (await machine.status(revision)).walls not in ("root", "user"):
        pytest.skip("no root of its own on this machine: allow mount namespaces")

    for place in PLACES:
        there = await machine.ask(revision, "/list", path=place)
        assert there == ["alice-api-key", "alice-db", "api-key", "db"]
        assert await machine.ask(revision, "/read", path=f"{place}/api-key") == VALUE
        assert await machine.ask(revision, "/read", path=f"{place}/alice-api-key") == VALUE
        wrote = await machine.ask(revision, "/write", path=f"{place}/new")
        assert wrote in ("OSError", "PermissionError")
    environment = await machine.ask(revision, "/env")
    assert environment["PUSHLINE_SECRETS"] == PLACES[0]
    assert VALUE not in str(environment)


async def test_a_function_that_dies_finds_its_secrets_again(machine: Machine) -> None:
    """The next life of the program is confided the same."""
    revision = await confided(machine)
    place = (await machine.ask(revision, "/env"))["PUSHLINE_SECRETS"]

    async with machine.session(revision) as client, client.get("/exit") as answer:
        assert answer.status == 502

    async def restarted() -> bool:
        return (status := await machine.status(revision)).restarts > 0 and status.state == "ready"

    await until(restarted)
    assert await machine.ask(revision, "/read", path=f"{place}/api-key") == VALUE


async def test_no_value_is_on_disk_or_in_a_log(machine: Machine) -> None:
    """Home, runtime logs and the order's repr hold none; another function sees none."""
    revision = await confided(machine)
    if (await machine.status(revision)).walls not in ("root", "user"):
        pytest.skip("no root of its own on this machine: allow mount namespaces")
    other = machine.revision("abcdef0-2", function="other")
    await machine.platform.deploy(other)

    files = [file for file in machine.settings.home.rglob("*") if file.is_file()]
    assert not [file for file in files if VALUE.encode() in file.read_bytes()]
    assert await machine.ask(other, "/list", path=PLACES[0]) == "FileNotFoundError"
    assert VALUE not in repr(Order(revision, {"api-key": VALUE.encode()}))


async def test_without_walls_they_are_in_the_functions_own_folder(open_machine: Machine) -> None:
    """Told by PUSHLINE_SECRETS; the folder goes with the revision."""
    revision = await confided(open_machine)
    place = Path((await open_machine.ask(revision, "/env"))["PUSHLINE_SECRETS"])

    assert place.parent.is_relative_to(open_machine.settings.home)
    assert (place / "api-key").read_text() == VALUE
    assert (place / "api-key").stat().st_mode & 0o777 == 0o400
    await open_machine.platform.retire(revision.key)

    async def gone() -> bool:
        return not place.exists()

    await until(gone)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"secrets": ("api-key", "no")}, r"secrets\[1\]: there is no secret no.*alice/hello no"),
        ({"secrets": ("api-key",), "environment": "pr-1"}, "previews do not get .* --previews"),
        ({"secrets": ("Api",)}, "small letters, digits and single inner dashes"),
        ({"secrets": ("a", "b", "c")}, "over 1 MiB together"),
    ],
)
async def test_what_cannot_be_confided_fails_the_deploy_by_name(
    fields: dict[str, Any], words: str
) -> None:
    """Before the supervisor is asked, with the command that cures it."""
    large = dict.fromkeys("abc", b"x" * (MOST // 2))
    store = Store(**{"api-key": b"x", **large})

    with pytest.raises(DeployFailed) as failed:
        await files_of(store, revision_of(**fields))

    failed.match(words)
