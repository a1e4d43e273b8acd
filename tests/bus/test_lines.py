"""Lines in LOGS."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from bus.connection import Bus
from bus.lines import LIMIT, packed, pieces
from schemas import subjects

SUBJECT = subjects.build_log("local", "alice/hello", "1", "hello")
OTHER = subjects.build_log("local", "alice/hello", "1", "other")


async def test_lines_come_back_in_order(bus: Bus) -> None:
    """Each line with its subject and time; empty ones and odd characters too."""
    await bus.lines.write(SUBJECT, ["one", "", "dreißig\t🙂"])
    await bus.lines.write(OTHER, ["other"])
    await bus.lines.write(SUBJECT, ["", "last"])

    read = [line async for line in bus.lines.read(SUBJECT)]
    assert [line.text for line in read] == ["one", "", "dreißig\t🙂", "", "last"]
    assert {line.subject for line in read} == {SUBJECT}
    assert [line.seq for line in read] == [1, 1, 1, 3, 3]
    assert [line.text async for line in bus.lines.read(SUBJECT, after=1)] == ["", "last"]
    assert [line.text async for line in bus.lines.read("log.build.>", after=2)] == ["", "last"]
    assert [line.text async for line in bus.lines.read(SUBJECT, after=3)] == []
    assert [line.text async for line in bus.lines.read("log.function.>")] == []


async def test_the_newest_line_tells_its_time(bus: Bus) -> None:
    """Whoever goes on writing after a restart learns how far it had come."""
    assert await bus.lines.newest(SUBJECT) is None
    await bus.lines.write(SUBJECT, ["one"])
    await bus.lines.write(OTHER, ["other"])

    (line,) = [line async for line in bus.lines.read(SUBJECT)]
    assert await bus.lines.newest(SUBJECT) == line.time


async def test_following_waits_for_more(bus: Bus) -> None:
    """``follow`` goes on where the log ended."""
    await bus.lines.write(SUBJECT, ["one"])
    reading = bus.lines.read(SUBJECT, follow=True)
    async with asyncio.timeout(15):
        assert (await anext(reading)).text == "one"
        await bus.lines.write(SUBJECT, ["two"])
        assert (await anext(reading)).text == "two"
    await reading.aclose()


async def test_much_is_written_in_messages_of_64_kib(bus: Bus) -> None:
    """Many lines are packed; one long line is split between characters."""
    long = "🙂" * 40_000
    await bus.lines.write(SUBJECT, [*map(str, range(20_000)), long])

    read = [line.text async for line in bus.lines.read(SUBJECT)]
    assert read[:20_000] == [*map(str, range(20_000))]
    assert "".join(read[20_000:]) == long
    assert max(map(len, packed([*map(str, range(20_000)), long]))) <= LIMIT


@given(st.lists(st.text(st.characters(exclude_characters="\n", codec="utf-8"))))
def test_packing_loses_nothing(texts: list[str]) -> None:
    """What is packed is, split at line ends, what was given."""
    bodies = list(packed(texts))
    assert [line for body in bodies for line in body.decode().split("\n")] == texts


@given(st.text(max_size=40))
def test_pieces_are_whole_characters(text: str) -> None:
    """Each piece of a line is text by itself."""
    parts = [piece.decode() for piece in pieces(text, limit=7)]
    assert "".join(parts) == text.replace("\n", " ").encode("utf-8", "replace").decode()
