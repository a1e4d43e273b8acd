"""What stands for the world: it answers what was recorded, notes the rest, and changes nothing."""

from pathlib import Path

import pytest

from bus.blobs import DirectoryBlobs
from edge.cli.replay.decisions import Attempt, NotRecorded
from edge.cli.replay.parts.cast import PARTS, NotReplayed, cast
from edge.cli.replay.playing import Playing
from edge.cli.replay.recorded import Read, RecordedBlobs
from schemas.ids import digest_of


class Blank(Playing):
    """A decision of which nothing but its attempt is looked at."""

    def __init__(self) -> None:
        """Have an attempt."""
        self.attempt = Attempt()


async def test_blobs_are_read_and_never_written_or_deleted(tmp_path: Path) -> None:
    """What would be stored and deleted is noted; what is gone is unknown, and cannot be deleted."""
    blobs, playing = DirectoryBlobs(tmp_path), Blank()
    there, gone = await blobs.put(b"there"), digest_of(b"gone")
    recorded = RecordedBlobs(Read(blobs), playing)

    assert await recorded.get(there) == b"there"
    assert await recorded.put(b"new") == digest_of(b"new")
    await recorded.delete(there)
    await recorded.delete(gone)
    with pytest.raises(NotRecorded, match="blob sha256"):
        await recorded.get(gone)

    assert playing.attempt.effects == [f"store blob {digest_of(b'new')}", f"delete blob {there}"]
    assert await blobs.has(there)
    assert not await blobs.has(digest_of(b"new"))


def test_a_cast_is_fresh_each_time() -> None:
    """Two replays in one process share no fold; a name that nobody has is refused."""
    first, second = cast(("planner",)), cast(("planner",))

    assert first[0].folds[0] is not second[0].folds[0]
    assert [part.name for part in cast()] == list(PARTS)
    with pytest.raises(NotReplayed, match="audit, nobody cannot be replayed"):
        cast(("planner", "audit", "nobody"))
