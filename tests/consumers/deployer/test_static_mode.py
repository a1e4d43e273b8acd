"""The watchdog in mode static: files of the bundle, and nothing else."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from consumers.deployer.platform import Revision
from schemas.bundle import Bundle
from tests.consumers.deployer.machine import Machine

STATIC = Bundle(language="static", mode="static", static_path="public")
FILES = {
    "public/index.html": "<h1>home</h1>",
    "public/style.css": "h1 {}",
    "public/a b.txt": "spaces",
    "public/sub/index.html": "below",
    "public/sub/sub": "same name",
    "public/large.bin": "x" * 3_000_000,
    "secret.txt": "not to be seen",
}


@pytest.fixture
async def machine(lasting: Machine) -> AsyncIterator[Machine]:
    """Yield the machine of this file, and clear it."""
    yield lasting
    await lasting.clear()


async def deployed(machine: Machine) -> Revision:
    """Deploy the folder, with a link that leads out of it."""
    image = machine.bundle(STATIC, FILES)
    folder = machine.settings.home / "bundles" / image.removeprefix("sha256:")
    if not (folder / "public/link").is_symlink():
        (folder / "public/link").symlink_to("../secret.txt")
        (folder / "public/etc").symlink_to("/etc")
    revision = machine.revision(image=image)
    await machine.platform.deploy(revision)
    return revision


async def test_files_have_types_and_validators(machine: Machine) -> None:
    """A file is answered with its type; known by its ETag or time it is not sent again."""
    revision = await deployed(machine)

    async with machine.session(revision) as client:
        async with client.get("/") as answer:
            assert (answer.status, await answer.text()) == (200, "<h1>home</h1>")
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            tag, time = answer.headers["ETag"], answer.headers["Last-Modified"]
        for known in ({"If-None-Match": tag}, {"If-Modified-Since": time}):
            async with client.get("/", headers=known) as answer:
                assert (answer.status, await answer.read()) == (304, b"")
        async with client.head("/style.css?v=1") as answer:
            assert (answer.status, answer.headers["Content-Length"]) == (200, "5")
            assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
            assert answer.headers["ETag"] != tag
        async with client.get("/large.bin") as answer:
            assert len(await answer.read()) == 3_000_000
        async with client.get("/a%20b.txt") as answer:
            assert await answer.text() == "spaces"


async def test_folders_mean_their_index(machine: Machine) -> None:
    """A folder is its index.html, once the address ends in a slash."""
    revision = await deployed(machine)

    async with machine.session(revision) as client:
        async with client.get("/sub/") as answer:
            assert await answer.text() == "below"
        async with client.get("/sub", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (301, "./sub/")
        async with client.get("/sub/sub") as answer:
            assert await answer.text() == "same name"


@pytest.mark.parametrize(
    "target",
    [
        b"/../secret.txt",
        b"/%2e%2e/secret.txt",
        b"/sub/../../secret.txt",
        b"/..%2fsecret.txt",
        b"/link",
        b"/etc/passwd",
        b"//etc/passwd",
        b"/style.css/more",
        b"/%00",
        b"/missing",
        b"/bundle.json",
    ],
)
async def test_nothing_else_is_answered(machine: Machine, target: bytes) -> None:
    """No path and no link leads out of the folder."""
    revision = await deployed(machine)
    reader, writer = await asyncio.open_unix_connection(str(machine.socket(revision)))

    writer.write(b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % target)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"not to be seen" not in answer


async def test_only_get_and_head(machine: Machine) -> None:
    """Nothing can be changed."""
    revision = await deployed(machine)

    async with machine.session(revision) as client, client.post("/", data=b"x") as answer:
        assert answer.status == 405
