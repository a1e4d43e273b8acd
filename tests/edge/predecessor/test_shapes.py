"""The predecessor's endpoints: its shapes, for whoever may read."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from msgspec.structs import replace

from bus.connection import Bus
from edge.auth.door import TokenMissing
from edge.auth.people import PLATFORM, Caller
from schemas import subjects
from schemas.people import Membership
from schemas.usage import Usage
from tests.edge.predecessor.shaped import SHA, URL, Shaped, minute, shaped

ALEX = Caller(
    kind="person",
    user="github:1",
    login="github:alexellis",
    memberships=(Membership("github", "alexellis", "viewer"),),
)
BOB = Caller(
    kind="person",
    user="github:2",
    login="github:bob",
    memberships=(Membership("github", "alex", "owner"), Membership("gitlab", "alexellis", "owner")),
)
PUSHER = replace(ALEX, kind="token", scopes=frozenset({"push"}))  # his, and not for reading
WHOLE = "alexellis-tester"
BAD = (
    ("system-metrics?function=", "function"),
    ("function-logs", "function"),
    (f"system-metrics?function={WHOLE}&metrics_window=1h])) or vector(1", "metrics_window"),
    (f"system-metrics?function={WHOLE}&metrics_window=%C2%B2h", "metrics_window"),
    ("list-functions?user=a&metrics_window=60", "metrics_window"),
    (f"function-logs?function={WHOLE}&since=yesterday", "since"),
    (f"function-logs?function={WHOLE}&since=2026-01-01T00:00", "since"),
    (f"function-logs?function={WHOLE}&since=2026-13-01T00:00Z", "since"),
    (f"function-logs?function={WHOLE}&tail=-1", "tail"),
    (f"function-logs?function={WHOLE}&tail=%C2%B2", "tail"),
    ("list-functions?" + "&".join(f"f{number}=1" for number in range(17)), "the query"),
)


@pytest.fixture
async def old(bus: Bus) -> AsyncIterator[Shaped]:
    """Yield the endpoints of an installation where AlexEllis has a function and its preview."""
    async with shaped(bus) as shape:
        await shape.live("github", "AlexEllis/fns", "tester")
        await shape.live("github", "AlexEllis/fns", "tester", "branch-dev")
        yield shape


async def test_functions_are_listed_as_ever(old: Shaped) -> None:
    """The provider's FunctionStatus, the predecessor's labels; by query or body, in any case."""
    await old.asked("github", "AlexEllis/fns", "tester", Usage(minute(), 8), Usage(minute(500), 9))

    found = await old.ask(ALEX, "/list-functions?user=alexELLIS")
    ways = [
        await old.ask(ALEX, "/list-functions?username=alexellis"),
        await old.ask(ALEX, "/function/system-list-functions?user=AlexEllis"),
        await old.ask(ALEX, "/list-functions", b"alexellis\n"),
        await old.ask(PLATFORM, "/list-functions?user=alexellis"),
    ]

    (status,) = found.json()
    assert [way.json() for way in ways] == [[status]] * 4
    mark = "com.openfaas.cloud."
    deployed = int(status["labels"].pop(f"{mark}git-deploytime"))
    assert abs(datetime.now(UTC).timestamp() - deployed) < 600
    assert datetime.fromisoformat(status.pop("createdAt")).timestamp() // 1 == deployed
    assert status == {
        "name": WHOLE,
        "image": f"of-community/alexellis-fns-tester@sha256:{'1' * 64}",
        "invocationCount": 8,
        "replicas": 2,
        "availableReplicas": 2,
        "labels": {
            "faas_function": WHOLE,
            "app": WHOLE,
            f"{mark}git-cloud": "1",
            f"{mark}git-owner": "AlexEllis",
            f"{mark}git-repo": "fns",
            f"{mark}git-sha": SHA,
            f"{mark}git-private": "1",
            f"{mark}git-scm": "github",
            f"{mark}git-branch": "main",
        },
        "annotations": {f"{mark}git-repo-url": URL},
    }
    preview = await old.ask(ALEX, "/list-functions?user=alexellis&environment=branch-dev")
    assert [one["name"] for one in preview.json()] == [f"{WHOLE}-branch-dev"]
    longer = await old.ask(ALEX, "/list-functions?user=alexellis&metrics_window=24h")
    assert longer.json()[0]["invocationCount"] == 17


@pytest.mark.conformance("function-logs")
@pytest.mark.weakness(3)
@pytest.mark.weakness(10)
async def test_nobody_else_learns_of_them(old: Shaped) -> None:
    """Anybody in the cluster got all of it; here it is not there for who may not read it."""
    with pytest.raises(TokenMissing):
        await old.ask(None, "/list-functions?user=alexellis")
    for path in ("/function-logs?function=", "/system-metrics?function="):
        with pytest.raises(TokenMissing):
            await old.ask(None, path + WHOLE)
        for who, name in product((BOB, PUSHER), (WHOLE, "alexellis-none")):
            answer = await old.ask(who, f"{path}{name}&user=alexellis")
            assert (answer.status_code, answer.text) == (404, "there is no such function\n")

    for who, user in product((BOB, PUSHER), ("alexellis", "alex")):
        assert (await old.ask(who, f"/list-functions?user={user}")).json() == []


async def test_without_a_user_it_says_so(old: Shaped) -> None:
    """The predecessor's text, with its 200."""
    for answer in (
        await old.ask(ALEX, "/list-functions"),
        await old.ask(ALEX, "/list-functions", b" "),
    ):
        assert answer.status_code == 200
        assert answer.text == "User is required as POST or querystring i.e. ?user=alexellis."


@pytest.mark.conformance("function-logs")
@pytest.mark.weakness(22)
async def test_what_a_function_wrote(old: Shaped) -> None:
    """Plain lines of half an hour, whatever the case of the owner; since and tail say which."""
    subject = subjects.function_log("github", "AlexEllis/fns", "production/tester", "r")
    for text in ("one", "two", "drei ü", ""):
        await old.served.bus.lines.write(subject, [text])

    path = f"/function-logs?function={WHOLE}&user="
    for user in ("alexellis", "AlexEllis", ""):
        answer = await old.ask(ALEX, path + user)
        assert (answer.status_code, answer.text) == (200, "one\ntwo\ndrei ü")
        assert answer.headers["content-type"].startswith("text/plain")
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")

    assert (await old.ask(ALEX, path + "&tail=2")).text == "drei ü"
    assert (await old.ask(ALEX, path + "&since=90s&tail=3")).text == "two\ndrei ü"
    assert (await old.ask(ALEX, f"{path}&since={later}")).text == ""
    assert (await old.ask(ALEX, path + "bob")).status_code == 404


@pytest.mark.conformance("provider log query")
async def test_of_a_field_given_twice_the_last_counts(old: Shaped) -> None:
    """As with the provider's log query; the first is not even looked for."""
    twice = await old.ask(ALEX, f"/function-logs?function=foobar&function={WHOLE}")
    other = await old.ask(ALEX, f"/function-logs?function={WHOLE}&function=foobar")

    assert (twice.status_code, other.status_code) == (200, 404)


@pytest.mark.conformance("metrics")
async def test_success_and_failure(old: Shaped) -> None:
    """Answers below 400 are a success, of one window, by what routers have counted."""
    await old.asked(
        "github",
        "AlexEllis/fns",
        "tester",
        Usage(minute(1), 8, 1, refused=1),
        Usage(minute(2), 6, 4),
        Usage(minute(200), 5, 2),
    )
    asked = f"/system-metrics?function={WHOLE}"
    for path in (asked, f"/function{asked}", f"{asked}.openfaas-fn", f"{asked}&metrics_window=60m"):
        answer = await old.ask(ALEX, path)
        assert (answer.status_code, answer.json()) == (200, {"success": 8, "failure": 6})
    assert (await old.ask(ALEX, f"{asked}&metrics_window=61h")).json() == {
        "success": 11,
        "failure": 8,
    }
    assert (await old.ask(ALEX, f"{asked}-branch-dev")).json() == {"success": 0, "failure": 0}


async def test_a_name_that_two_have_is_asked_for(old: Shaped) -> None:
    """a-b with c reads like a with b-c: nothing is guessed, and user= says whose."""
    await old.live("github", "a-b/x", "c")
    await old.live("github", "a/x", "b-c")

    both = await old.ask(PLATFORM, "/system-metrics?function=a-b-c")
    one = await old.ask(PLATFORM, "/system-metrics?function=a-b-c&user=a")

    assert (both.status_code, one.status_code) == (409, 200)
    assert "user=" in both.text


@pytest.mark.weakness(21)
async def test_bad_fields_are_named(old: Shaped) -> None:
    """What is no name and no period is said to be none, and is part of no question to anybody."""
    for query, named in BAD:
        answer = await old.ask(PLATFORM, f"/{query}")

        assert answer.status_code == 400, query
        assert answer.text.startswith(named), query


async def test_other_verbs_and_large_bodies(old: Shaped) -> None:
    """405 with what is allowed; a name of a kilobyte is 413."""
    put = await old.ask(ALEX, "/list-functions", b"", "PUT")
    post = await old.ask(ALEX, "/system-metrics", b"")
    large = await old.ask(ALEX, "/list-functions", b"x" * 1025)

    assert (put.status_code, put.headers["allow"]) == (405, "GET, POST")
    assert (post.status_code, post.headers["allow"]) == (405, "GET")
    assert large.status_code == 413
