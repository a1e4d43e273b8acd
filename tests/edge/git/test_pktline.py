"""pkt-lines: what is written is read again, and nothing else is."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.git import pktline
from edge.git.errors import ProtocolBroken


@given(st.lists(st.binary(min_size=1, max_size=200).filter(lambda text: text[-1:] != b"\n")))
def test_lines_come_back(texts: list[bytes]) -> None:
    """A section is read as it was written, up to its flush."""
    stream = io.BytesIO(pktline.lines(texts) + b"more")

    assert list(pktline.section(stream, most=1000)) == texts
    assert stream.read() == b"more"


@given(st.binary(max_size=200_000), st.sampled_from([pktline.PACK_DATA, pktline.PROGRESS]))
def test_bands_come_back(data: bytes, channel: int) -> None:
    """Data of any size on a channel comes back in order; none is one empty packet."""
    stream = io.BytesIO(pktline.band(channel, data) + pktline.FLUSH)
    found = []
    while head := stream.read(4):
        if head == pktline.FLUSH:
            break
        found.append(stream.read(int(head, 16) - 4))

    assert found
    assert {packet[0] for packet in found} == {channel}
    assert b"".join(packet[1:] for packet in found) == data
    assert max(map(len, found)) <= pktline.LONGEST - 4


@pytest.mark.parametrize("raw", [b"", b"00", b"0001", b"0002", b"0003", b"0004", b"-001", b"+010",
                                 b"fff1", b"0x10", b"0010short", b"000 "])  # fmt: skip
def test_what_is_no_line(raw: bytes) -> None:
    """Lengths that are none, and lines that are cut off, are an error."""
    with pytest.raises(ProtocolBroken):
        pktline.read(io.BytesIO(raw))


def test_too_many_lines() -> None:
    """A section without end is cut off at its limit."""
    with pytest.raises(ProtocolBroken):
        list(pktline.section(io.BytesIO(pktline.line(b"x") * 11), most=10))
