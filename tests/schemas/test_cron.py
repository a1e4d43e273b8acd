"""Cron expressions: what they mean, in any zone, and what cannot be meant."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.cron import MACROS, CronInvalid, parse

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)  # a Wednesday


def moments(text: str, zone: str = "", after: datetime = NOON, count: int = 3) -> list[str]:
    """Return the next moments, to the minute."""
    found, cron = [], parse(text, zone)
    for _ in range(count):
        after = cron.next(after)
        found.append(after.strftime("%a %d %b %H:%M"))
    return found


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("*/5 * * * *", "Wed 25 Nov 12:05"),
        ("0 12 * * *", "Thu 26 Nov 12:00"),
        ("30 9 * * MON-FRI", "Thu 26 Nov 09:30"),
        ("0 0 * * 7", "Sun 29 Nov 00:00"),
        ("0 0 1,15 * *", "Tue 01 Dec 00:00"),
        ("15/20 10-14/2 * * *", "Wed 25 Nov 12:15"),
        ("0 0 13 * 5", "Fri 27 Nov 00:00"),
        ("0 0 13 * ?", "Sun 13 Dec 00:00"),
        ("0 0 29 2 *", "Tue 29 Feb 00:00"),
        ("0 3 * jan,MAR sun", "Sun 03 Jan 03:00"),
        ("@hourly", "Wed 25 Nov 13:00"),
        ("@weekly", "Sun 29 Nov 00:00"),
        ("CRON_TZ=Europe/Berlin 0 14 * * *", "Wed 25 Nov 13:00"),
    ],
)
def test_the_next_moment(text: str, first: str) -> None:
    """Later than now, in UTC."""
    assert moments(text, count=1) == [first]


def test_a_clock_that_jumps_ahead() -> None:
    """02:30 does not come on the 29th of March in Berlin: it is made up for an hour later."""
    before = datetime(2026, 3, 28, 0, 0, tzinfo=UTC)

    assert moments("30 2 * * *", "Europe/Berlin", before) == [
        "Sat 28 Mar 01:30",
        "Sun 29 Mar 01:30",
        "Mon 30 Mar 00:30",
    ]


def test_a_clock_that_is_set_back() -> None:
    """02:30 comes twice on the 25th of October: a daily call once, a half-hourly one each time."""
    before = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)

    assert moments("30 2 * * *", "Europe/Berlin", before, 2) == [
        "Sun 25 Oct 00:30",
        "Mon 26 Oct 01:30",
    ]
    assert moments("*/30 * * * *", "Europe/Berlin", before, 5) == [
        "Sun 25 Oct 00:30",
        "Sun 25 Oct 01:00",
        "Sun 25 Oct 01:30",
        "Sun 25 Oct 02:00",
        "Sun 25 Oct 02:30",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has 0 fields, not 5"),
        ("* * * *", "has 4 fields, not 5"),
        ("0 * * * * *", "has 6 fields, not 5"),
        ("60 * * * *", "minute: 60 is not from 0 to 59"),
        ("* 22-2 * * *", "hour: 22-2 begins after it ends"),
        ("*/0 * * * *", "minute: */0 has no step"),
        ("* * L * *", "day of the month: l is not"),
        ("* * * * x", "day of the week: x is not"),
        ("0 0 31 2 *", "never comes"),
        ("@every 5m", "a span of time is no moment"),
        ("TZ=Mars/Base 0 0 * * *", "no time zone 'Mars/Base'"),
        ("TZ=../../etc/passwd 0 0 * * *", "no time zone"),
        ("\u0661 * * * *", "minute: \u0661 is not"),
    ],
)
def test_what_cannot_be_meant(text: str, message: str) -> None:
    """The message names the field, the hint how it is written."""
    with pytest.raises(CronInvalid, match=message.replace("*", r"\*")) as raised:
        parse(text)
    assert raised.value.hint


@given(
    st.sampled_from([*MACROS, "*/7 * * * *", "0 */5 * * *", "0 0 1 * 1", "59 23 31 12 *"]),
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo"]),
    st.integers(-3_000_000, 3_000_000),
)
def test_moments_follow_one_another(text: str, zone: str, minutes: int) -> None:
    """Each is later than the one before, and none lies between a moment and its next."""
    cron, after = parse(text, zone), NOON + timedelta(minutes=minutes)
    first = cron.next(after)
    second = cron.next(first)

    assert after < first < second
    assert cron.next(first - timedelta(seconds=1)) == first
    assert first.astimezone(cron.zone).minute in cron.minutes or zone == "Australia/Lord_Howe"


@given(st.text(max_size=30))
def test_no_text_is_another_error(text: str) -> None:
    """Whatever a stack says is a schedule, or said to be none."""
    try:
        parse(text)
    except CronInvalid:
        return
    assert parse(text).next(NOON) > NOON
