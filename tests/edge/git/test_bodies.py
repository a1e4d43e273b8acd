"""Request bodies of every shape: the probe, chunks, gzip, too large, cut off, a bomb."""

import asyncio
import gzip
import os
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from edge.git.forge import GitSettings
from edge.git.narrate import Patience
from edge.git.weigh import Limits
from tests.edge.git.conftest import STACK, Served, eventually, update

ZEROS = "0" * 40
SMALL = GitSettings(limits=Limits(body=200_000), patience=Patience(queued=0.3))


async def test_probe_is_answered_with_nothing(served: Served) -> None:
    """The four bytes that git sends before a large push get an empty 200, and make nothing."""
    assert await served.post(b"0000") == (200, b"")
    assert not served.path().exists()


async def test_git_probes_and_pushes_in_chunks(served: Served) -> None:
    """A push over http.postBuffer: git tries its password with the probe, then sends chunks."""
    clone = await served.clone()
    sha = await clone.commit(stack_yml=STACK, big=os.urandom(3_000_000))
    clone.environment["GIT_CURL_VERBOSE"] = "1"

    result = await clone.git("-c", "http.postBuffer=65536", "push", "origin", "main")

    assert "Transfer-Encoding: chunked" in result.output
    assert "Content-Length: 4" in result.output
    assert (await served.heads())["refs/heads/main"] == sha


async def test_gzip_is_inflated(served: Served) -> None:
    """A deletion sent as gzip is understood like a plain one."""
    clone = await served.clone()
    sha = await clone.commit(stack_yml=STACK)
    await clone.git("push", "origin", "main", "main:old")
    body = update(sha, ZEROS, "refs/heads/old")

    status, said = await served.post(gzip.compress(body, mtime=0), content_encoding="gzip")

    assert status == 200
    assert b"ok refs/heads/old" in said
    assert "refs/heads/old" not in await served.heads()


async def test_git_fetches_with_gzip(served: Served) -> None:
    """A fetch of many branches is sent as gzip by git itself."""
    clone = await served.clone()
    shas = [await clone.commit(stack_yml=STACK, a__file=str(number)) for number in range(30)]
    await clone.git("push", "origin", *(f"{sha}:refs/heads/b{sha}" for sha in shas))
    other = await served.clone("other")
    other.environment["GIT_CURL_VERBOSE"] = "1"

    result = await other.git("fetch", "origin")

    assert "content-encoding: gzip" in result.output.lower()
    await other.git("fsck", "--full", "--strict")


async def test_push_over_the_limit_is_refused_in_words(serve: Callable[..., Any]) -> None:
    """Git itself reports a push over the limit, ref by ref, and exits with 1."""
    async with serve(SMALL) as served:
        clone = await served.clone()
        await clone.commit(stack_yml=STACK, big=os.urandom(1_000_000))

        result = await clone.git("push", "origin", "main", code=1)

        assert "error: the push is larger than 0.190735 MB" in result.remote
        assert "main -> main (the push is too large)" in result.output
        assert await served.heads() == {}


async def test_push_without_end_is_cut_off(serve: Callable[..., Any]) -> None:
    """Ten times the limit is not read any more: 413."""
    async with serve(SMALL) as served:

        async def body() -> AsyncIterator[bytes]:
            for _ in range(64):
                yield bytes(65536)

        try:
            status, _ = await served.post(body())
        except OSError:
            status = 413  # the connection was closed while we were sending
        assert status == 413
        assert await served.heads() == {}


async def test_hundred_megabytes_are_the_limit_by_default(served: Served) -> None:
    """101 MB after a good head are read, dropped and refused in git's own terms."""

    async def body() -> AsyncIterator[bytes]:
        yield update(ZEROS, "1" * 40)
        for _ in range(101):
            yield bytes(1024 * 1024)

    status, said = await served.post(body())

    assert status == 200
    assert b"the push is larger than 100 MB" in said
    assert b"ng refs/heads/main the push is too large" in said


async def test_gzip_bomb_is_refused(serve: Callable[..., Any]) -> None:
    """A body that inflates to over the limit is refused, however small it was sent."""
    async with serve(SMALL) as served:
        bomb = gzip.compress(update(ZEROS, "1" * 40) + bytes(100_000_000))
        assert len(bomb) < SMALL.limits.body

        status, said = await served.post(bomb, content_encoding="gzip")

        assert status == 200
        assert b"ng refs/heads/main the push is too large" in said


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b"zzzz", {}),
        (b"0003", {}),
        (b"ffff" + b"x" * 65531, {}),
        (b"0032too short", {}),
        (b"0010not an update0000", {}),
        (update(ZEROS, "1" * 40, wishes="object-format=sha256"), {}),
        (b"\x1f\x8bnot gzip", {"content_encoding": "gzip"}),
        (gzip.compress(b"0000", mtime=0)[:-4], {"content_encoding": "gzip"}),
        (gzip.compress(b"0000", mtime=0) + b"more", {"content_encoding": "gzip"}),
        (zlib.compress(b"0000"), {"content_encoding": "deflate"}),
    ],
)
async def test_nonsense_is_a_bad_request(
    served: Served, body: bytes, headers: dict[str, str]
) -> None:
    """What is not git's protocol is answered 400, in words, and makes nothing."""
    status, said = await served.post(body, **headers)

    assert status == 400
    assert said.endswith(b"\n")
    assert not served.path().exists()


async def test_client_that_leaves_while_sending(served: Served) -> None:
    """A body that is never finished leaves no file behind."""
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(
        b"POST /git/alice/hello.git/git-receive-pack HTTP/1.1\r\nhost: x\r\n"
        b"authorization: Basic YWxpY2U6bGV0bWVpbg==\r\ncontent-length: 100000\r\n"
        b"content-type: application/x-git-receive-pack-request\r\n\r\n0000"
    )
    await writer.drain()
    incoming = served.root / ".incoming"
    await eventually(incoming.exists)

    writer.close()
    await writer.wait_closed()

    await eventually(lambda: not list(incoming.iterdir()))
    assert not served.path().exists()
