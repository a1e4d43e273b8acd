"""A store that refuses, stalls or is not there: what is raised, how soon, and the cure it names."""

import time
from threading import Event
from typing import Any

import pytest

from bus import instruments
from bus.s3 import Bucket, S3Blobs, S3Objects
from bus.settings import S3Settings
from schemas.errors import BlobsUnavailable, Retry
from tests.bus.s3.players import Player, playing
from tests.heavy.store import Store

NOWHERE = "sha256:" + "0" * 64


async def refused(settings: S3Settings) -> list[BlobsUnavailable]:
    """Return what each operation raises."""
    bucket = Bucket(settings)
    blobs, objects = S3Blobs(bucket), S3Objects(bucket)
    found = []
    for operation in (
        blobs.put(b"hello"),
        blobs.put(b"x" * 200_000),
        blobs.get(NOWHERE),
        blobs.has(NOWHERE),
        objects.write("a/b", b"hello"),
        objects.read("a/b"),
        objects.has("a/b"),
    ):
        with pytest.raises(BlobsUnavailable) as raised:
            await operation
        found.append(raised.value)
    bucket.close()
    return found


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"secret_key": "wrong-key"}, "PUSHLINE_S3_SECRET_KEY"),
        ({"access_key": "wrong-key"}, "PUSHLINE_S3_ACCESS_KEY"),
        ({"bucket": "another-bucket"}, "PUSHLINE_S3_BUCKET"),
        ({"bucket": "No_Bucket!"}, "PUSHLINE_S3_BUCKET"),
        ({"url": "http://127.0.0.1:1"}, "PUSHLINE_S3_URL"),
        ({"url": "http://name.invalid:80"}, "PUSHLINE_S3_URL"),
        ({"url": "functions"}, "PUSHLINE_S3_URL"),
        ({"url": "http://user:wrong-key@127.0.0.1:1"}, "PUSHLINE_S3_URL"),
    ],
)
async def test_a_wrong_setting_is_named(s3: Store, wrong: dict[str, Any], named: str) -> None:
    """Each operation says which setting to mend, may be repeated, and quotes no secret."""
    settings = s3.settings(**wrong)
    for error in await refused(settings):
        assert isinstance(error, Retry)
        assert error.patience.total_seconds() >= 24 * 3600
        assert named in error.hint
        shown = f"{error} {error!r}"
        assert settings.secret_key not in shown
        assert "wrong-key" not in shown


@pytest.mark.parametrize(
    ("status", "code", "named"),
    [
        (503, "SlowDown", ""),
        (500, "InternalError", ""),
        (429, "TooManyRequests", ""),
        (403, "RequestTimeTooSkewed", "clock"),
        (403, "AccessDenied", "PUSHLINE_S3_ACCESS_KEY"),
        (400, "AuthorizationHeaderMalformed", "PUSHLINE_S3_REGION"),
        (400, "SomethingNew", ""),
    ],
)
async def test_what_a_store_refuses_may_pass(status: int, code: str, named: str) -> None:
    """Throttled, broken, or strange: runs wait, and the store's own word is in the message."""
    with playing(lambda player, _: player.refuse(status, code)) as stage:
        put, *_ = await refused(stage.settings(attempts=1))
    assert code in put.message
    assert named in put.hint


async def test_a_call_is_repeated_within_bounds() -> None:
    """A store that comes back between two attempts is not even noticed."""

    def stumble(player: Player, _: bytes) -> None:
        if len(player.server.asked) == 1:
            player.refuse(503, "SlowDown")
        else:
            player.say(200, ETag='"1"')

    with playing(stumble) as stage:
        bucket = Bucket(stage.settings())
        await S3Blobs(bucket).put(b"hello")
        assert len(stage.asked) == 2
        bucket.close()


async def test_a_store_that_stalls() -> None:
    """Silence ends after the time that is set, times the attempts, and never hangs."""
    ended = Event()

    def silent(*_: object) -> None:
        ended.wait(30)

    with playing(silent) as stage:
        begin = time.monotonic()
        bucket = Bucket(stage.settings())
        with pytest.raises(BlobsUnavailable, match="fell silent"):
            await S3Blobs(bucket).put(b"hello")
        assert time.monotonic() - begin < 10
        assert len(stage.asked) == 2
        bucket.close()
        ended.set()


async def test_refusals_are_counted() -> None:
    """An operator sees what failed and why."""
    counter = instruments.blob_failures.labels("put", "AccessDenied")
    before = counter._value.get()  # noqa: SLF001 - the library offers no other way
    with playing(lambda player, _: player.refuse(403, "AccessDenied")) as stage:
        bucket = Bucket(stage.settings())
        with pytest.raises(BlobsUnavailable):
            await S3Blobs(bucket).put(b"hello")
        bucket.close()
    assert counter._value.get() == before + 1  # noqa: SLF001
