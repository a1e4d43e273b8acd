"""Outputs that lie: nothing that a daemon sends leaves the folder it was meant for."""

import os
from pathlib import Path

import pytest

from consumers.builder.buildkit import OutputRefused
from consumers.builder.buildkit.entries import DEVICE, DIRECTORY, PIPE, SYMLINK
from consumers.builder.buildkit.landing import Landing
from consumers.builder.pb.wire_pb2 import Packet, Stat


def stat(path: str, mode: int = 0o644, link: str = "", mtime: int = 5 * 10**9) -> bytes:
    """Return the packet of an entry."""
    said = Stat(path=os.fsencode(path), mode=mode, linkname=link.encode(), modTime=mtime)
    return Packet(type=Packet.PACKET_STAT, stat=said).SerializeToString()


def data(number: int, content: bytes = b"") -> bytes:
    """Return the packet of a piece of content."""
    return Packet(type=Packet.PACKET_DATA, ID=number, data=content).SerializeToString()


END = Packet(type=Packet.PACKET_STAT).SerializeToString()
FIN = Packet(type=Packet.PACKET_FIN).SerializeToString()


def land(folder: Path, *packets: bytes, most: int | None = None) -> list[Packet]:
    """Land packets in a folder; return the answers."""
    landing = Landing(folder, most)
    try:
        answers = landing.take(list(packets))
    finally:
        landing.close()
    found = []
    while answers:
        length = int.from_bytes(answers[1:5], "big")
        found.append(Packet.FromString(answers[5 : 5 + length]))
        answers = answers[5 + length :]
    return found


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """Return a folder to land in, with a neighbour that must stay as it is."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_text("untouched")
    (tmp_path / "inside").mkdir()
    return tmp_path / "inside"


def test_an_honest_tree_lands(inside: Path) -> None:
    """Files, folders and links come with permissions and times; each file is asked for."""
    answers = land(
        inside,
        stat("d", DIRECTORY | 0o500),
        stat("d/file", 0o4755),
        stat("d/same", 0o755, "d/file"),
        stat("link", SYMLINK | 0o777, "../outside/file"),
        END,
        data(1, b"con"),
        data(1, b"tent"),
        data(1),
    )

    assert [answer.type for answer in answers] == [Packet.PACKET_REQ, Packet.PACKET_FIN]
    assert answers[0].ID == 1
    assert (inside / "d/same").read_text() == "content"
    assert (inside / "d/file").stat().st_mode & 0o7777 == 0o755
    assert (inside / "d/file").stat().st_mtime == 5
    assert (inside / "d").stat().st_mtime == 5
    assert (inside / "link").read_text() == "untouched"


@pytest.mark.parametrize(
    "path",
    ["../x", "/x", "..", ".", "", "a/../x", "./x", "a//x", "d/", "d/../../outside/x", "x\0y"],
)
def test_a_path_that_leads_elsewhere(inside: Path, path: str) -> None:
    """Only a clean path below the root is a path."""
    with pytest.raises(OutputRefused):
        land(inside, stat("d", DIRECTORY | 0o755), stat(path))

    assert sorted(one.name for one in inside.iterdir()) == ["d"]
    assert [one.name for one in (inside.parent / "outside").iterdir()] == ["file"]


def test_a_path_through_a_link_that_was_sent(inside: Path) -> None:
    """A link is no folder, even if it leads to one."""
    with pytest.raises(OutputRefused, match="before its folder"):
        land(inside, stat("d", SYMLINK | 0o777, "../outside"), stat("d/file"), END)

    assert (inside.parent / "outside/file").read_text() == "untouched"


def test_a_path_through_a_link_that_stood_there(inside: Path) -> None:
    """A link of the same name as a folder that is sent is replaced, not followed."""
    (inside / "d").symlink_to("../outside")

    land(inside, stat("d", DIRECTORY | 0o755), stat("d/file"), END, data(1, b"new"), data(1))

    assert (inside / "d/file").read_text() == "new"
    assert (inside.parent / "outside/file").read_text() == "untouched"


def test_a_folder_that_becomes_a_link_meanwhile(inside: Path) -> None:
    """Somebody who swaps a folder for a link between two packets gains nothing."""
    landing = Landing(inside, None)
    landing.take([stat("d", DIRECTORY | 0o755), stat("d/file")])
    (inside / "d").rename(inside / "aside")
    (inside / "d").symlink_to("../outside")

    with pytest.raises(OutputRefused):
        landing.take([data(1, b"swapped"), data(1)])

    landing.close()
    assert (inside.parent / "outside/file").read_text() == "untouched"


def test_a_file_that_was_a_link(inside: Path) -> None:
    """A file replaces a link of its name instead of writing through it."""
    (inside / "file").symlink_to("../outside/file")

    land(inside, stat("file"), END, data(0, b"new"), data(0))

    assert not (inside / "file").is_symlink()
    assert (inside.parent / "outside/file").read_text() == "untouched"


@pytest.mark.parametrize("target", ["../outside/file", "/etc/passwd", "none", "d", "l"])
def test_a_hard_link_to_what_was_not_sent(inside: Path, target: str) -> None:
    """A hard link may only name a file of the same output."""
    with pytest.raises(OutputRefused, match=r"has not sent|cannot be written"):
        land(
            inside,
            stat("d", DIRECTORY | 0o755),
            stat("l", SYMLINK | 0o777, "../outside/file") if target != "l" else stat("k"),
            stat("x", 0o644, target),
        )


@pytest.mark.parametrize("kind", [DEVICE, PIPE])
def test_devices_are_refused(inside: Path, kind: int) -> None:
    """An output is files; nothing of it may be a device."""
    with pytest.raises(OutputRefused, match="device or a pipe"):
        land(inside, stat("x", kind | 0o666))


def test_a_folder_in_the_way_of_a_file(inside: Path) -> None:
    """A folder of the user's is not removed for a file."""
    (inside / "x").mkdir()

    with pytest.raises(OutputRefused, match="folder already"):
        land(inside, stat("x"))


def test_content_that_nobody_asked_for(inside: Path) -> None:
    """Content comes for files that were asked for, once."""
    with pytest.raises(OutputRefused, match="not asked for"):
        land(inside, stat("x"), data(7, b"?"))
    with pytest.raises(OutputRefused, match="not asked for"):
        land(inside, stat("y"), data(0, b"y"), data(0), data(0, b"more"))


def test_more_than_may_be(inside: Path) -> None:
    """A limit counts what is written, whatever was announced."""
    with pytest.raises(OutputRefused, match="larger"):
        land(inside, stat("x"), data(0, b"12345"), data(0, b"67890"), most=9)


def descriptors() -> int:
    """Return how many this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_thousands_of_files_need_few_descriptors(inside: Path) -> None:
    """A file is open only while its content comes."""
    before = descriptors()
    landing = Landing(inside, None)

    landing.take([stat(f"f{number:04}") for number in range(3000)])

    assert descriptors() - before < 5
    landing.close()


def test_an_error_of_the_daemon(inside: Path) -> None:
    """A daemon that gives up says why."""
    gone = Packet(type=Packet.PACKET_ERR, data=b"disk full").SerializeToString()

    with pytest.raises(OutputRefused, match="disk full"):
        land(inside, gone)
