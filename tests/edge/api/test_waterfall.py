"""The arithmetic of the waterfall, on plain values."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from edge.api.runs import Part, Run
from edge.api.waterfall import pushed, waterfall
from schemas.ids import run_id

PUSHED = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def at(milliseconds: float) -> datetime:
    """Return a time so long after the push."""
    return PUSHED + timedelta(milliseconds=milliseconds)


def a_run(**fields: object) -> Run:
    """Return a run, queued 10 ms after its push."""
    known: dict[str, object] = {
        "id": run_id("intake:1", PUSHED),
        "seq": 2,
        "forge": "local",
        "project": "alice/hello",
        "name": "alice/hello",
        "label": "alice",
        "environment": "production",
        "generation": 1,
        "branch": "main",
        "sha": "a" * 40,
        "queued": at(10),
    }
    return Run(**(known | fields))  # type: ignore[arg-type] # plain values of a test


HELLO = Part(
    function="hello",
    archived=at(100),
    build_started=at(130),
    built=at(1130),
    tool_ms=900,
    deploy_started=at(1150),
    deployed=at(1350),
    start_ms=150,
)


def test_waiting_stands_apart_from_working() -> None:
    """Each step begins where the one before ended; a build waits for its place first."""
    run = a_run(resolved=at(105), parts={"hello": HELLO}, ended=at(1360), outcome="live")

    fall = waterfall(run, at(9999))

    spans = [
        (step.name, step.function, step.start_ms, step.waiting_ms, step.working_ms, step.state)
        for step in fall.steps
    ]
    assert spans == [
        ("plan", "", 0, 0, 10, "done"),
        ("source", "", 10, 0, 95, "done"),
        ("build", "hello", 100, 30, 1000, "done"),
        ("deploy", "hello", 1130, 20, 200, "done"),
        ("finish", "", 1350, 0, 10, "done"),
    ]
    assert fall.total_ms == 1360


def test_own_time_leaves_out_what_is_not_ours() -> None:
    """The installer's and the function's own time are taken off."""
    run = a_run(resolved=at(105), parts={"hello": HELLO}, ended=at(1360), outcome="live")

    assert waterfall(run, at(9999)).own_ms == 1360 - 900 - 150


def test_overlapping_outside_time_is_taken_off_once() -> None:
    """Two installers at the same time are not twice as long."""
    twin = Part(function="twin", archived=at(100), built=at(1130), tool_ms=1000)
    run = a_run(resolved=at(105), parts={"hello": HELLO, "twin": twin}, ended=at(1360))

    # 130..1130 by the twin, which covers 230..1130 of hello; then 1200..1350
    assert waterfall(run, at(9999)).own_ms == 1360 - 1000 - 150


def test_a_cached_build_neither_waits_nor_works() -> None:
    """An unchanged archive is built at once, without a builder's place."""
    part = Part(function="hello", archived=at(100), built=at(104), cached=True)

    build = waterfall(a_run(resolved=at(99), parts={"hello": part}), at(200)).steps[2]

    assert (build.waiting_ms, build.working_ms, build.state) == (0, 4, "cached")


def test_a_build_without_a_builder_waits_until_now() -> None:
    """What nobody has taken up yet is waiting, all of it."""
    part = Part(function="hello", archived=at(100))

    build = waterfall(a_run(resolved=at(99), parts={"hello": part}), at(700)).steps[2]

    assert (build.waiting_ms, build.working_ms, build.state) == (600, 0, "running")


def test_a_failed_build_ends_the_function() -> None:
    """There is no deploy after it, and the bar says why."""
    part = Part(function="hello", archived=at(100), build_started=at(110), failed=at(500))
    run = a_run(resolved=at(99), parts={"hello": part}, ended=at(510), outcome="failed")

    steps = waterfall(run, at(9999)).steps

    assert [(step.name, step.state) for step in steps] == [
        ("plan", "done"),
        ("source", "done"),
        ("build", "failed"),
        ("finish", "done"),
    ]
    assert steps[2].working_ms == 390


def test_a_failed_deploy_shows_its_build_done() -> None:
    """Only the step that failed is red."""
    part = Part(
        function="hello", archived=at(100), built=at(200), deploy_started=at(210), failed=at(900)
    )
    run = a_run(resolved=at(99), parts={"hello": part}, ended=at(910), outcome="failed")

    states = {step.name: step.state for step in waterfall(run, at(9999)).steps}

    assert states["build"] == "done"
    assert states["deploy"] == "failed"


def test_a_rejected_run_fails_at_its_source() -> None:
    """The stack was read, and refused."""
    steps = waterfall(a_run(outcome="rejected", ended=at(60)), at(9999)).steps

    assert [(step.name, step.working_ms, step.state) for step in steps] == [
        ("plan", 10, "done"),
        ("source", 50, "failed"),
    ]


def test_a_superseded_run_was_stopped_where_it_was() -> None:
    """What had not ended by itself is neither done nor running."""
    part = Part(function="hello", archived=at(100), build_started=at(110))
    run = a_run(resolved=at(99), parts={"hello": part}, ended=at(300), outcome="superseded")

    assert waterfall(run, at(9999)).steps[2].state == "stopped"


def test_the_push_is_in_the_id() -> None:
    """A ULID begins with the milliseconds of the push; no other id and no later clock misleads."""
    assert pushed(a_run()) == PUSHED
    assert pushed(a_run(id="not-a-ulid")) == at(10)
    assert pushed(a_run(id=run_id("intake:1", at(50)))) == at(10)


@given(st.lists(st.integers(0, 5000), min_size=8, max_size=8), st.integers(0, 9000))
def test_no_span_is_negative(times: list[int], tool: int) -> None:
    """Facts of several processes' clocks in any order never give a bar before its start."""
    archived, begun, built, deploying, deployed, resolved, queued, ended = map(at, times)
    part = Part(
        function="hello",
        archived=archived,
        build_started=begun,
        built=built,
        deploy_started=deploying,
        deployed=deployed,
        tool_ms=tool,
        start_ms=tool // 2,
    )
    run = a_run(queued=queued, resolved=resolved, parts={"hello": part}, ended=ended)

    fall = waterfall(run, at(6000))

    assert all(min(step.start_ms, step.waiting_ms, step.working_ms) >= 0 for step in fall.steps)
    assert 0 <= fall.own_ms <= max(fall.total_ms, 0)
