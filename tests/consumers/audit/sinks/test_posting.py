"""HTTP and Slack, each against a receiver that checks what it is sent."""

from pathlib import Path

import pytest
from aiohttp import web

from consumers.audit.record import GENESIS, line_of, parse
from consumers.audit.sinks import NotTaken, State, made
from consumers.audit.sinks.posting import seconds_of
from consumers.audit.sinks.settings import Http, Slack
from consumers.audit.sinks.slack import LONGEST, told
from schemas.events.run import RunFinished
from tests.bus.workers import eventually
from tests.consumers.audit.chain import chain, message
from tests.consumers.audit.sinks.receiver import SECRET, Receiver, receiving
from tests.consumers.audit.sinks.running import Growing


def http_to(receiver: Receiver, **other: object) -> Http:
    """Return a sink's settings."""
    fields = {"name": "siem", "url": f"{receiver.url}/http", "secret": SECRET, "begin": "first"}
    return Http(**fields | other)  # type: ignore[arg-type]


def slack_to(receiver: Receiver) -> Slack:
    """Return a sink's settings."""
    return Slack(name="slack", url=f"{receiver.url}/services/T0/B0/secret-path", begin="first")


async def test_batches_are_signed_and_taken_once(tmp_path: Path) -> None:
    """Each batch carries its signature and its last record's hash as key."""
    growing = Growing(tmp_path / "record.jsonl")
    await growing.grow(25)
    async with receiving() as receiver:
        settings = http_to(receiver, most=10)
        async with growing.sending((settings, made(settings))):
            await eventually(lambda: len(receiver.seqs) == 25)

    assert receiver.seqs == list(range(1, 26))
    assert [len(batch) for batch in receiver.taken] == [10, 10, 5]
    assert receiver.refused == []
    assert len(set(receiver.keys)) == 3


async def test_a_refusal_is_sent_again_the_same(tmp_path: Path) -> None:
    """503, a redirect, 429 with a time, a broken answer: in the end each record, in order."""
    growing = Growing(tmp_path / "record.jsonl")
    await growing.grow(12)
    async with receiving() as receiver:
        elsewhere = {"Location": f"{receiver.url}/elsewhere"}
        receiver.answers = [
            web.Response(status=503),
            web.Response(status=307, headers=elsewhere),
            web.Response(status=429, headers={"Retry-After": "0"}),
            web.Response(status=401),
        ]
        settings = http_to(receiver)
        async with growing.sending((settings, made(settings))):
            await eventually(lambda: len(receiver.seqs) == 12)

    assert receiver.seqs == list(range(1, 13))
    assert receiver.answers == []


async def test_too_much_at_once_is_sent_in_parts(tmp_path: Path) -> None:
    """413 halves the batch, until it is taken."""
    growing = Growing(tmp_path / "record.jsonl")
    await growing.grow(16)
    async with receiving() as receiver:
        receiver.answers = [web.Response(status=413), web.Response(status=413)]
        settings = http_to(receiver, most=16)
        async with growing.sending((settings, made(settings))):
            await eventually(lambda: len(receiver.seqs) == 16)

    assert len(receiver.taken[0]) == 4
    assert receiver.seqs == list(range(1, 17))


async def test_what_went_wrong_names_no_secret(tmp_path: Path) -> None:
    """Neither URL nor secret are in the state, the settings' repr or an error."""
    growing = Growing(tmp_path / "record.jsonl")
    await growing.grow(1)
    away = Slack(name="slack", url="http://127.0.0.1:1/services/T0/secret-path", begin="first")
    async with growing.sending((away, made(away))):
        await eventually(lambda: State.read(growing.file.path, "slack") is not None)
        await eventually(lambda: growing.file.path.parent.joinpath("sinks").exists())
        await eventually(lambda: (s := State.read(growing.file.path, "slack")) and s.attempts > 0)
    found = State.read(growing.file.path, "slack")
    assert found

    assert found.error == "not reached: ClientConnectorError"
    assert "secret-path" not in repr(away) + repr(found)
    assert SECRET not in repr(Http(name="h", url="http://x", secret=SECRET))


async def test_no_answer_ends_in_time() -> None:
    """A receiver that never answers holds up an attempt no longer than it may."""
    lines = chain(1)
    async with receiving() as receiver:
        sink = made(http_to(receiver, timeout=0.0001))
        with pytest.raises(NotTaken, match=r"no answer within 0\.0001 s"):
            await sink.take(lines)


async def test_slack_gets_the_predecessors_text(tmp_path: Path) -> None:
    """``[source] owner/repo: 'message'``, several in a message, in order."""
    growing = Growing(tmp_path / "record.jsonl")
    await growing.grow(3)
    async with receiving() as receiver:
        receiver.answers = [web.Response(status=429, headers={"Retry-After": "0"}, text="slow")]
        settings = slack_to(receiver)
        async with growing.sending((settings, made(settings))):
            await eventually(lambda: len(receiver.taken) == 1)

    assert receiver.taken == ["\n".join(["[planner] alice/hello: 'run.finished live'"] * 3)]
    assert receiver.refused == []


def test_a_message_cannot_say_more_than_its_line() -> None:
    """Markup, mentions and line breaks of a fact are text; what is long is cut."""
    fact = RunFinished(outcome="failed", message="<!channel> &\n" + "x" * 1000)
    text = told(parse(line_of(message(1, fact), GENESIS).text))

    assert "&lt;!channel&gt; &amp; x" in text
    assert "\n" not in text
    assert len(text) <= LONGEST + 20


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("7", 7), ("", 0), ("soon", 0), ("99999999", 3600), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_a_time_to_wait_is_bounded(said: str, seconds: float) -> None:
    """Seconds or a date, at most an hour; anything else is no time."""
    assert seconds_of(said) == seconds
