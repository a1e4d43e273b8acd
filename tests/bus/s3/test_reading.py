"""Reading over connections that break, from stores that lie."""

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import pytest

from bus.s3 import Bucket, S3Blobs
from schemas.errors import BlobDamaged, BlobsUnavailable
from tests.bus.s3.players import Player, playing

BODY = os.urandom(1_000_000)
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()
PIECE = 300_000  # bytes after which the connection breaks


def broken_off(player: Player, start: int, status: int) -> None:
    """Send the head of an answer for all bytes, and some of them."""
    player.send_response(status)
    player.send_header("Content-Length", str(len(BODY) - start))
    player.end_headers()
    player.wfile.write(BODY[start : start + PIECE])
    player.close_connection = True


def asked_from(player: Player) -> int:
    """Return the first byte that is asked for."""
    found = re.fullmatch(r"bytes=(\d+)-", player.headers.get("Range", "bytes=0-"))
    assert found
    return int(found[1])


@pytest.mark.parametrize("ranges", [True, False])
async def test_a_broken_read_goes_on_where_it_broke(tmp_path: Path, *, ranges: bool) -> None:
    """Each connection brings a piece; a store that knows no ranges is read over again."""
    pieces = 0

    def breaking(player: Player, _: bytes) -> None:
        nonlocal pieces
        pieces += 1
        if ranges:
            start = asked_from(player)
            broken_off(player, start, 206 if start else 200)
        elif pieces == 1:
            broken_off(player, 0, 200)
        else:
            player.say(200, BODY)

    with playing(breaking) as stage:
        bucket = Bucket(stage.settings())
        await S3Blobs(bucket).fetch(DIGEST, tmp_path / "copy")
        bucket.close()
    assert (tmp_path / "copy").read_bytes() == BODY
    assert pieces == (4 if ranges else 2)


async def test_a_read_that_gets_nowhere_ends(tmp_path: Path) -> None:
    """Connections that bring nothing are not tried for ever, and no file is left."""

    def nothing(player: Player, _: bytes) -> None:
        player.send_response(200)
        player.send_header("Content-Length", str(len(BODY)))
        player.end_headers()
        player.close_connection = True

    with playing(nothing) as stage:
        bucket = Bucket(stage.settings())
        with pytest.raises(BlobsUnavailable):
            await S3Blobs(bucket).fetch(DIGEST, tmp_path / "copy")
        bucket.close()
        assert len(stage.asked) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lie", [BODY[:-1] + b"x", BODY[:-1], b"", b"<html>login</html>"])
async def test_what_a_store_makes_up_is_found(tmp_path: Path, lie: bytes) -> None:
    """Whatever comes with a 200 is compared with the digest before anybody gets it."""

    def lying(player: Player, _: bytes) -> None:
        player.say(200, lie)

    with playing(lying) as stage:
        bucket = Bucket(stage.settings())
        blobs: Any = S3Blobs(bucket)
        with pytest.raises(BlobDamaged):
            await blobs.get(DIGEST)
        with pytest.raises(BlobDamaged):
            await blobs.fetch(DIGEST, tmp_path / "copy")
        bucket.close()
    assert list(tmp_path.iterdir()) == []
