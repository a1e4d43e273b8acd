"""How blobs get into a store that knows conditions, ignores them, or refuses them."""

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import psutil
import pytest

from bus.s3 import Bucket, S3Blobs
from schemas.errors import BlobDamaged, BlobsUnavailable
from tests.bus.s3.players import Player, etag, playing
from tests.heavy.store import BUCKET, DOMAIN, Store

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("size", "first", "again"),
    [
        (100, ["PutObject"], ["PutObject", "HeadObject"]),  # refused by its condition
        (200_000, ["HeadObject", "PutObject"], ["HeadObject"]),
    ],
)
async def test_what_is_there_is_not_written_again(
    s3: Store, size: int, first: list[str], again: list[str]
) -> None:
    """A small body goes with a condition; a larger one only after a question."""
    bucket, calls = Bucket(s3.settings()), list[str]()
    blobs, body = S3Blobs(bucket), os.urandom(size)
    events = (await bucket.run(lambda client: client)).meta.events
    events.register("before-call.s3", lambda model, **_: calls.append(model.name))

    await blobs.put(body)
    assert calls == first
    calls.clear()
    await blobs.put(body)
    assert calls == again
    bucket.close()


async def test_a_write_carries_condition_and_checksum() -> None:
    """The store can refuse what is there already, and what broke on the way."""
    with playing(lambda player, _: player.say(200, ETag='"1"')) as stage:
        bucket = Bucket(stage.settings(addressing="path"))
        await S3Blobs(bucket).put(b"hello")
        bucket.close()
        (put,) = stage.asked
    sha = hashlib.sha256(b"hello")
    assert put.path == f"/functions/blobs/sha256/2c/{sha.hexdigest()}"
    assert put.headers["If-None-Match"] == "*"
    assert put.headers["x-amz-checksum-sha256"] == base64.b64encode(sha.digest()).decode()
    assert put.headers["x-amz-content-sha256"] == sha.hexdigest()


async def test_a_store_that_refuses_conditions() -> None:
    """It is asked once with one, and from then on without."""

    def old(player: Player, _: bytes) -> None:
        if "If-None-Match" in player.headers:
            player.refuse(501, "NotImplemented")
        else:
            player.say(200, ETag='"1"')

    with playing(old) as stage:
        bucket = Bucket(stage.settings())
        blobs = S3Blobs(bucket)
        for body in (b"1", b"2", b"3"):
            await blobs.put(body)
        bucket.close()
        conditions = ["If-None-Match" in player.headers for player in stage.asked]
    assert conditions == [True, False, False, False]


async def test_two_writers_at_the_same_moment() -> None:
    """A store that says so is asked again without the condition: the bytes are the same."""

    def busy(player: Player, _: bytes) -> None:
        if "If-None-Match" in player.headers:
            player.refuse(409, "ConditionalRequestConflict")
        else:
            player.say(200, ETag='"1"')

    with playing(busy) as stage:
        bucket = Bucket(stage.settings())
        await S3Blobs(bucket).put(b"1")
        bucket.close()
        assert len(stage.asked) == 2


async def test_a_large_file_is_sent_in_parts_and_memory_stays_flat(
    s3: Store, tmp_path: Path
) -> None:
    """A file of 160 MiB, written and read, holds a few parts at most."""
    source = tmp_path / "source"
    with source.open("wb") as writer:
        for _ in range(160):
            writer.write(os.urandom(MIB))
    bucket = Bucket(s3.settings(part_bytes=8 * MIB))
    blobs, process = S3Blobs(bucket), psutil.Process()
    await blobs.put(b"warm")
    before = process.memory_info().rss

    digest = await blobs.put(source)
    written = process.memory_info().rss
    await blobs.fetch(digest, tmp_path / "copy")
    read = process.memory_info().rss

    assert max(written, read) - before < 64 * MIB
    assert (tmp_path / "copy").stat().st_size == 160 * MIB
    bucket.close()


async def test_a_file_that_changes_meanwhile_is_not_stored(s3: Store, tmp_path: Path) -> None:
    """Its first bytes were announced, others were read: no object, and no parts left behind."""
    source = tmp_path / "source"
    source.write_bytes(os.urandom(12 * MIB))
    with source.open("rb") as reader:
        digest = "sha256:" + hashlib.file_digest(reader, "sha256").hexdigest()
    bucket, client = Bucket(s3.settings(part_bytes=5 * MIB)), s3.client()
    blobs = S3Blobs(bucket)

    def changed(**_: Any) -> None:
        source.write_bytes(os.urandom(12 * MIB))

    events = (await bucket.run(lambda client: client)).meta.events
    events.register("before-call.s3.CreateMultipartUpload", changed)
    with pytest.raises(BlobDamaged, match="changed"):
        await blobs.put(source)

    assert not await blobs.has(digest)
    assert client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []
    bucket.close()


async def test_parts_are_taken_back_when_one_fails() -> None:
    """What broke half-way costs no room."""

    def breaking(player: Player, body: bytes) -> None:
        match player.command, player.path.partition("?")[2]:
            case "HEAD", _:
                player.say(404)
            case "POST", "uploads":
                player.say(200, b"<R><UploadId>u1</UploadId></R>")
            case "PUT", query if "partNumber=1&" in f"{query}&":
                player.say(200, ETag=etag(body))
            case "DELETE", query:
                assert "uploadId=u1" in query
                player.say(204)
            case _:
                player.refuse(500, "InternalError")

    with playing(breaking) as stage:
        bucket = Bucket(stage.settings(part_bytes=5 * MIB, attempts=1, read_seconds=5.0))
        with pytest.raises(BlobsUnavailable):
            await S3Blobs(bucket).put(b"x" * (6 * MIB))
        bucket.close()
        assert stage.asked[-1].command == "DELETE"


async def test_a_completion_whose_answer_was_lost() -> None:
    """The upload is gone because it was completed: the object is there, and all is well."""
    done = False

    def forgetful(player: Player, body: bytes) -> None:
        nonlocal done
        match player.command, player.path.partition("?")[2]:
            case "HEAD", _ if done:
                player.send_response(200)
                player.send_header("Content-Length", str(6 * MIB))
                player.end_headers()
            case "HEAD", _:
                player.say(404)
            case "POST", "uploads":
                player.say(200, b"<R><UploadId>u1</UploadId></R>")
            case "PUT", _:
                player.say(200, ETag=etag(body))
            case "POST", _:
                done = True
                player.refuse(404, "NoSuchUpload")
            case _:
                player.say(404)

    with playing(forgetful) as stage:
        bucket = Bucket(stage.settings(part_bytes=5 * MIB, read_seconds=5.0))
        await S3Blobs(bucket).put(b"x" * (6 * MIB))
        bucket.close()


@pytest.mark.parametrize("addressing", ["path", "virtual"])
async def test_addressing_by_path_or_by_host(
    s3: Store, monkeypatch: pytest.MonkeyPatch, addressing: str
) -> None:
    """The bucket stands in the path or in the host; the store, as a proxy, takes both."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{s3.port}")
    bucket = Bucket(s3.settings(url=f"http://{DOMAIN}", addressing=addressing))
    body, hosts = os.urandom(100), list[str]()
    events = (await bucket.run(lambda client: client)).meta.events
    events.register("before-send.s3", lambda request, **_: hosts.append(request.url))

    digest = await S3Blobs(bucket).put(body)
    assert await S3Blobs(bucket).get(digest) == body

    start = f"http://{DOMAIN}/{BUCKET}/" if addressing == "path" else f"http://{BUCKET}.{DOMAIN}/"
    assert hosts
    assert all(url.startswith(f"{start}blobs/sha256/") for url in hosts)
    bucket.close()
