"""What routers counted comes back, each part once."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.connection import Bus
from schemas import subjects
from schemas.usage import Usage, added, bucket, middle, quantile

HELLO = subjects.usage("local", "alice/hello", "production/hello")
OTHER = subjects.usage("local", "alice/hello", "production/other")
NOW = datetime.now(UTC)
MINUTE = int(NOW.timestamp() // 60)


async def read(bus: Bus, filter: str, *, minutes: int = 60) -> list[Usage]:
    """Return what was counted in the last minutes."""
    since = NOW - timedelta(minutes=minutes)
    return [counted.usage async for counted in bus.usage.since(filter, since)]


async def test_parts_of_minutes_come_back_in_order(bus: Bus) -> None:
    """Of one function, or of all; minutes before the period are left out."""
    old, first, second = (Usage(MINUTE - ago, 7, 1, {40: 7}) for ago in (90, 1, 0))
    for number, usage in enumerate((old, first, second)):
        await bus.usage.write(HELLO, usage, id=f"r:{number}")
    await bus.usage.write(OTHER, second, id="r:other")

    assert await read(bus, HELLO) == [first, second]
    assert await read(bus, HELLO, minutes=100) == [old, first, second]
    assert len(await read(bus, "usage.>")) == 3
    assert await read(bus, subjects.usage("local", "nobody", "x")) == []


async def test_a_part_that_was_written_twice_is_counted_once(bus: Bus) -> None:
    """Within the server's window it is stored once; after it, the reader knows its id."""
    usage = Usage(MINUTE, 1)
    for id in ("r:1", "r:1", "r:2"):
        await bus.usage.write(HELLO, usage, id=id)
    body = b'{"minute":%d,"invocations":1}' % MINUTE
    await bus.js.publish(HELLO, body, {"Nats-Msg-Id": "r%3A1"})  # forgotten by the server
    info = await bus.js.info("USAGE")

    assert info is not None
    assert info["state"]["messages"] == 3
    assert await read(bus, HELLO) == [usage, usage]


@given(st.integers(0, 10**11))
def test_a_bucket_is_near_what_it_holds(microseconds: int) -> None:
    """Off by less than 7 %, in at most 272 buckets."""
    number = bucket(microseconds)
    value = min(microseconds, (1 << 36) - 1)
    assert 0 <= number < 272
    assert middle(number) == pytest.approx(value, rel=0.07)


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_buckets_are_in_order(one: int, other: int) -> None:
    """What is longer is never counted before what is shorter."""
    low, high = sorted((one, other))
    assert bucket(low) <= bucket(high)


@given(st.lists(st.integers(1, 10**8), min_size=1, max_size=200), st.floats(0.01, 1.0))
def test_a_quantile_is_near_the_true_one(times: list[int], share: float) -> None:
    """Of any durations, within what a bucket allows."""
    latency: dict[int, int] = {}
    for time in times:
        latency[bucket(time)] = latency.get(bucket(time), 0) + 1
    place = next(n for n in range(1, len(times) + 1) if n >= share * len(times) - 1e-9)
    true = sorted(times)[place - 1]
    assert quantile(latency, share) == pytest.approx(true / 1000, rel=0.08)


def test_sketches_add_up() -> None:
    """Counts of several routers and minutes are those of one."""
    parts = [Usage(1, 2, 1, {3: 1, 4: 1}), Usage(2, 1, 0, {4: 1})]
    assert added(parts, minute=9) == Usage(9, 3, 1, {3: 1, 4: 2})
    assert quantile({}, 0.5) == 0.0
