"""The API of the past: every read as it was, told to whoever may know it now."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema
import msgspec
import pytest
from litestar import Request

from bus.connection import Bus
from consumers.secrets.desk import Desk
from edge.api.app import create
from edge.api.domain_book import DomainBook
from edge.api.tailing import Tails
from edge.api.then import READS, CallerGone, while_there
from edge.api.views import Views
from edge.auth.people import PLATFORM, Caller
from edge.cli.past import then_of
from schemas.envelope import Aggregate, tenant
from schemas.events.branch import BranchPushed
from schemas.events.domain import DomainMapped
from schemas.events.function import FunctionDeployed, FunctionRemoved
from schemas.events.project import ProjectRenamed
from schemas.events.run import RunFinished, RunQueued, RunResolved
from schemas.events.secret import SecretRemoved, SecretSealed
from schemas.events.tenant import TenantMemberSet
from schemas.repository import Repository
from tests.contract.test_schemas import OFFICIAL
from tests.edge.auth.entering import as_caller, auth_of, person

SHA = "a" * 40
IMAGE = "sha256:" + "1" * 64
RUN = "01JD8Z6Q5V0000000000000001"
REPOSITORY = Repository("alice", "shop", "main")
HELLO = Aggregate("local", "7", "function", "production/hello")
SECRET = Aggregate("local", "7", "secret", "token")


class Installation:
    """An API over a log with a short history; each step is remembered by its name."""

    def __init__(self, bus: Bus) -> None:
        """Write the history by ``live``."""
        self.bus = bus
        self.seq: dict[str, int] = {}
        self.views = Views.make(None, lambda label, _, name: f"http://{label}.localhost/{name}")
        desk, auth = Desk.of(bus, bus.settings.home / "secrets", None), auth_of(bus)
        self.folds = (*self.views.folds, desk.register, *auth.book.folds)
        self.application: Any = create(
            self.views,
            bus.lines,
            bus.build_logs,
            desk,
            counts=bus.usage,
            book=DomainBook(bus.log, "localhost"),
            event_log=bus.log,
            auth=auth,
            then=then_of(bus, self.views, desk, auth.book, None),
            tails=Tails(bus.follow, bus.log),
            bus=bus,
            version="0",
        )

    async def live(self) -> None:
        """Push, deploy, map, seal; then take all of it away again."""
        run = Aggregate("local", "7", "run", RUN)
        branch = Aggregate("local", "7", "branch", "main")
        queued = RunQueued("production", 1, "main", SHA, REPOSITORY, "alice", pusher="alice")
        await self.add("pushed", BranchPushed("main", "0" * 40, SHA, REPOSITORY), branch)
        await self.add("queued", queued, run)
        await self.add("resolved", RunResolved(SHA, ("hello",)), run)
        await self.add("deployed", _deployed(), HELLO)
        await self.add("finished", RunFinished("live"), run)
        mapped = DomainMapped("shop.example.com", "alice")
        await self.add("mapped", mapped, Aggregate("", "", "domain", "shop.example.com"))
        await self.add("sealed", SecretSealed("token", "project", "k", IMAGE), SECRET)
        bob = TenantMemberSet("github:bob", "viewer")
        await self.add("member", bob, tenant("local", "alice"))
        await self.add("unsealed", SecretRemoved("token", "project", IMAGE), SECRET)
        await self.add("removed", FunctionRemoved("alice", "production", "hello"), HELLO)
        renamed = Aggregate("local", "7", "project", "")
        await self.add("renamed", ProjectRenamed("carol", "store"), renamed)

    async def add(self, step: str, fact: Any, of: Aggregate) -> None:
        """Append a fact; remember its sequence."""
        self.seq[step] = await self.bus.log.append(fact, of=of, id=step, name="alice/shop")

    def client(self, caller: Caller = PLATFORM) -> httpx.AsyncClient:
        """Return a client of this caller."""
        transport = httpx.ASGITransport(as_caller(self.application, caller))
        return httpx.AsyncClient(transport=transport, base_url="http://localhost")

    async def get(self, path: str, caller: Caller = PLATFORM) -> Any:
        """Return what a path answers, which has to be 200."""
        async with self.client(caller) as client:
            answer = await client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refused(self, path: str, caller: Caller = PLATFORM) -> tuple[int, str, str]:
        """Return status, code and hint of a refusal."""
        async with self.client(caller) as client:
            answer = await client.get(path)
        problem = answer.json()
        return answer.status_code, problem["code"], problem.get("hint", "")


def _deployed() -> FunctionDeployed:
    return FunctionDeployed(
        run=RUN,
        generation=1,
        revision="aaaaaaa-1",
        image=IMAGE,
        spec=IMAGE,
        sha=SHA,
        label="alice",
        environment="production",
        function="hello",
        upstream="unix:fn-1.sock",
    )


@pytest.fixture
async def here(bus: Bus) -> AsyncIterator[Installation]:
    """Yield an installation whose folds have come to the end of its history."""
    made = Installation(bus)
    tasks = [asyncio.create_task(fold.run(bus.follow)) for fold in made.folds]
    await made.live()
    async with asyncio.timeout(30):
        await asyncio.gather(*(fold.reached(made.seq["renamed"]) for fold in made.folds))
    yield made
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_lists_are_as_they_were(here: Installation) -> None:
    """Each list holds what there was at a sequence, and says so."""
    shown = {
        "/api/projects": ("pushed", "name", "alice/shop"),
        "/api/runs": ("queued", "outcome", "queued"),
        "/api/functions": ("deployed", "revision", "aaaaaaa-1"),
        "/api/domains": ("mapped", "host", "shop.example.com"),
        "/api/secrets": ("sealed", "name", "token"),
    }
    for path, (step, field, value) in shown.items():
        at = here.seq[step]

        before = await here.get(f"{path}?at={at - 1}")
        then = await here.get(f"{path}?at={at}")

        assert (before["items"], before["seq"]) == ([], at - 1), path
        assert [item[field] for item in then["items"]] == [value], path
        assert then["seq"] == at


async def test_single_things_are_as_they_were(here: Installation) -> None:
    """A run half-way, a function that is gone, a member before he was one."""
    seq = here.seq
    assert (await here.get(f"/api/runs/{RUN}?at={seq['resolved']}"))["outcome"] == "building"
    assert (await here.get(f"/api/runs/{RUN}"))["outcome"] == "live"
    assert (await here.refused(f"/api/runs/{RUN}?at={seq['pushed']}"))[0] == 404
    assert (await here.refused("/api/functions/alice/hello"))[0] == 404
    function = await here.get(f"/api/functions/alice/hello?at={seq['deployed']}")
    assert function["status"] == "live"
    members = "/api/tenants/local/alice/members"
    assert (await here.get(f"{members}?at={seq['sealed']}"))["items"] == []
    assert [each["who"] for each in (await here.get(members))["items"]] == ["github:bob"]


async def test_what_had_not_ended_lasts_until_then(here: Installation) -> None:
    """The waterfall of a run under way ends at the moment, not today."""
    view = await here.get(f"/api/runs/{RUN}?at={here.seq['resolved']}")
    resolved = await here.bus.log.get(here.seq["resolved"])

    lasted = (resolved.time - datetime.fromisoformat(view["start"])) / timedelta(milliseconds=1)
    assert view["total_ms"] == pytest.approx(lasted, abs=2)


async def test_a_time_is_a_moment_too(here: Installation) -> None:
    """What the log had by then; a plus may be lost in the URL."""
    message = await here.bus.js.message("EVENTS", seq=here.seq["queued"])
    assert message is not None
    time = datetime.fromisoformat(message.time) + timedelta(microseconds=1)
    zone = time.astimezone().isoformat()

    for text in (quote(time.isoformat()), quote(zone), zone):
        page = await here.get(f"/api/runs?at={text}")
        assert (page["seq"], len(page["items"])) == (here.seq["queued"], 1)


async def test_pages_of_one_moment_fit_together(here: Installation) -> None:
    """What happens between two pages changes neither."""
    at = here.seq["renamed"]
    for number in range(2, 6):
        run = Aggregate("local", "7", "run", RUN[:-1] + str(number))
        queued = RunQueued("production", number, "main", SHA, REPOSITORY, "alice")
        await here.add(f"run {number}", queued, run)

    seen, cursor = [], ""
    while True:
        page = await here.get(f"/api/runs?at={here.seq['run 4']}&limit=2&cursor={cursor or 0}")
        seen += [item["id"][-1] for item in page["items"]]
        if not (cursor := page["cursor"]):
            break

    assert seen == ["4", "3", "2", "1"]
    assert len((await here.get(f"/api/runs?at={at}"))["items"]) == 1


async def test_who_may_not_see_it_now_does_not_see_its_past(here: Installation) -> None:
    """A project that went over to somebody else took its history along."""
    at = here.seq["deployed"]
    paths = (f"/api/projects?at={at}", f"/api/runs?at={at}", f"/api/functions?at={at}")
    for path in paths:
        assert (await here.get(path, person("alice", "owner", "alice")))["items"] == [], path
        assert len((await here.get(path, person("carol", "viewer", "carol")))["items"]) == 1, path
    one = f"/api/runs/{RUN}?at={at}"
    assert (await here.refused(one, person("alice", "owner", "alice")))[0] == 404
    assert (await here.get(one, person("carol", "viewer", "carol")))["id"] == RUN


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("at=99999", "moment_ahead"),
        ("at=2099-01-01T00:00:00Z", "moment_ahead"),
        ("at=yesterday", "moment_invalid"),
        ("at=2026-01-01T00:00:00", "moment_invalid"),
        ("at=-1", "moment_invalid"),
        ("at=1&after=1", "moment_invalid"),
    ],
)
async def test_a_moment_that_cannot_be_is_told_with_its_cure(
    here: Installation, query: str, code: str
) -> None:
    """Ahead of the log, no moment, or one beside `after`: 422, and what to do."""
    status, said, hint = await here.refused(f"/api/runs?{query}")

    assert (status, said) == (422, code)
    assert hint


async def test_what_has_no_past_refuses_it(here: Installation) -> None:
    """A path that would pass over `at` and answer with the present says so instead."""
    taken: set[str] = set()
    refused: set[str] = set()
    for path, handler in reads(here.application):
        if READS["told"] in handler.resolve_dependencies().values():
            taken.add(path)
            continue
        refused.add(path)
        place = re.sub(r"{\w+:str}", "x", re.sub(r"{\w+:int}", "1", path))
        assert (await here.refused(f"{place}?at=1"))[:2] == (422, "moment_invalid"), path

    assert taken >= {f"/api/{word}" for word in ("projects", "runs", "functions", "secrets")}
    assert "/api/runs/{run:str}/logs" in refused


def reads(application: Any) -> Iterator[tuple[str, Any]]:
    """Yield each path of ours that is read, and its handler."""
    for route in application.routes:
        for handler in getattr(route, "route_handlers", ()):
            ours = route.path.startswith("/api/") and not route.path.startswith("/api/schema")
            if ours and "GET" in handler.http_methods:
                yield route.path, handler


async def test_openapi_tells_of_it(here: Installation) -> None:
    """`at` is documented where it is taken, and nowhere else."""
    paths = (await here.get("/api/openapi.json"))["paths"]

    def takes(path: str, method: str) -> bool:
        return "at" in [each["name"] for each in paths[path][method].get("parameters", ())]

    assert takes("/api/runs", "get")
    assert takes("/api/runs/{run}", "get")
    assert not takes("/api/runs/{run}/logs", "get")
    assert not takes("/api/domains/{host}", "put")


async def test_answers_have_a_tag(here: Installation) -> None:
    """The same answer is not sent twice to who has it; another one is; both say what is true."""
    async with here.client() as client:
        first = await client.get("/api/runs?at=2")
        tag = first.headers["etag"]
        known = {"If-None-Match": f'"other", W/{tag}'}
        same = await client.get("/api/runs?at=2", headers=known)
        other = await client.get("/api/runs?at=3", headers=known)
        now = await client.get(f"/api/runs/{RUN}")

    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert (other.status_code, len(other.json()["items"])) == (200, 1)
    assert [each.headers["pushline-seq"] for each in (first, same, other)] == ["2", "2", "3"]
    assert int(now.headers["pushline-seq"]) == here.seq["renamed"]
    assert first.headers["cache-control"] == "private, no-cache"


async def test_the_contract_is_served(here: Installation) -> None:
    """The AsyncAPI document is at its path, and OpenAPI leads to it."""
    async with here.client() as client:
        answer = await client.get("/api/asyncapi.json")
    openapi = await here.get("/api/openapi.json")

    assert answer.headers["content-type"].startswith("application/vnd.aai.asyncapi+json")
    jsonschema.Draft7Validator(msgspec.json.decode(OFFICIAL.read_bytes())).validate(answer.json())
    assert openapi["externalDocs"]["url"] == "/api/asyncapi.json"


async def test_a_caller_who_leaves_ends_the_work() -> None:
    """Nothing is folded for somebody who has closed the connection."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def receive() -> Any:
        await begun.wait()
        return {"type": "http.disconnect"}

    request: Any = Request({"type": "http", "method": "GET"}, receive)  # type: ignore[arg-type]
    async with asyncio.timeout(30):
        with pytest.raises(CallerGone):
            await while_there(request, work())

    assert ended.is_set()


async def test_many_who_ask_for_the_past_are_answered(here: Installation) -> None:
    """A hundred requests for few moments, at once, beside the present."""
    steps = [*here.seq.values()] * 9

    answers = await asyncio.gather(*(here.get(f"/api/runs?at={at}") for at in steps[:100]))

    assert [answer["seq"] for answer in answers] == steps[:100]
    assert datetime.now(UTC) > here.views.now() - timedelta(minutes=1)
