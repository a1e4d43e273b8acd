"""Dead letters: one per message and consumer, whoever tells of it."""

from bus import envelope
from bus.connection import Bus
from bus.deadletters import DeadLetter

LETTER = DeadLetter(
    consumer="builder",
    stream="EVENTS",
    seq=7,
    code="build_failed",
    reason="no Dockerfile",
    attempts=1,
    time=envelope.now(),
    event="e",
)


async def test_a_letter_is_written_once(bus: Bus) -> None:
    """Written again, by a worker that crashed before its TERM, it is still one."""
    await bus.deadletters.write(LETTER)
    await bus.deadletters.write(LETTER)

    assert await bus.deadletters.list() == [LETTER]
    assert LETTER.id == "dead:builder:EVENTS:7"


async def test_an_advisory_about_the_same_message_is_no_second_letter(bus: Bus) -> None:
    """The worker's letter says more than the server's advisory, and stands alone."""
    advisory = (
        b'{"stream":"EVENTS","consumer":"builder","stream_seq":7,"deliveries":1,'
        b'"timestamp":"2026-11-23T10:00:00Z","reason":"build_failed: no Dockerfile"}'
    )
    subject = "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.EVENTS.builder"
    await bus.js.publish(subject, advisory, {})
    (alone,) = await bus.deadletters.list()
    assert (alone.code, alone.reason) == ("terminated", "build_failed: no Dockerfile")

    await bus.deadletters.write(LETTER)
    assert await bus.deadletters.list() == [LETTER]


async def test_letters_of_one_consumer(bus: Bus) -> None:
    """Letters can be listed by consumer."""
    await bus.deadletters.write(LETTER)

    assert await bus.deadletters.list(consumer="builder") == [LETTER]
    assert await bus.deadletters.list(consumer="deployer") == []
