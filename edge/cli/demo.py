"""`pushline demo`: a push becomes a live function, step by step, in a home that is gone after."""

import asyncio
import contextlib
import http.client
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from bus.connection import Bus, connect
from edge.api.eventline import line_of
from edge.api.shapes import Page, RunItem, RunView
from edge.cli import home, logs, operator, sample, settings
from edge.cli.client import Api
from edge.cli.eventprint import WIDEST, gist, kind
from edge.cli.home import Endpoint
from edge.cli.house import ENDING, Stopped, serving, until
from edge.cli.output import duration, program
from edge.cli.telling import StepFailed, Teller
from edge.cli.up import remote
from edge.cli.where import JsonOption

OWNER, PROJECT, LABEL = "alice", "hello", "alice"
WARM: Final = 2.0  # seconds that a warm push may take
SHOWN: Final = 40  # letters of an answer
SWITCH: Final = 5.0  # seconds that the router may take to hear of a revision; usual are 10 ms
PATIENCE: Final = 300.0  # seconds for a push; the first one on a slow machine


def demo(
    *,
    once: Annotated[bool, Parameter(negative=(), help="End when all is shown.")] = False,
    json: JsonOption = False,
) -> int:
    """Push a sample repository, watch it become live, call it, push again.

    Runs a whole Pushline in a temporary home on a free port; nothing stays behind. Without
    --once it stays up until Ctrl-C, for you to try. The exit code is 0 when all was well.
    """
    if shutil.which("git") is None:
        raise StepFailed("git is not installed", hint="on Debian and Ubuntu: apt install git")
    teller = Teller(json=json)
    with _folder() as folder:
        return asyncio.run(_until_stopped(_Demo(folder, teller), once=once))


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Yield a folder that is gone after, whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="pushline-demo-"))
    folder.chmod(0o711)  # functions run as another user, and reach their own folders by name
    try:
        yield folder
    finally:
        shutil.rmtree(home.run_folder(folder / "home"), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


async def _until_stopped(demo: "_Demo", *, once: bool) -> int:
    """Run the demo; Ctrl-C and SIGTERM end it in order."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in ENDING:
        loop.add_signal_handler(number, stopping.set)
    with contextlib.suppress(Stopped):
        await demo.run(stopping, once=once)
    if not stopping.is_set():
        return 0
    demo.teller.line("ended; nothing of it stays behind", indent=0)
    return 0 if demo.shown else 130


class _Demo:
    """One demo in one folder."""

    def __init__(self, folder: Path, teller: Teller) -> None:
        self.folder = folder
        self.work = folder / OWNER / PROJECT
        self.teller = teller
        self.shown = False
        self.environment = {**os.environ, **sample.ENVIRONMENT, "HOME": str(folder)}

    async def run(self, stopping: asyncio.Event, *, once: bool) -> None:
        """Show all of it; stay up after, unless told not to."""
        teller = self.teller
        teller.line(("Pushline: a push becomes a live function", "bold"), indent=0)
        chosen = settings.Settings(home=str(self.folder / "home"))
        place = home.prepare(Path(chosen.home))
        tools = settings.for_tools(os.environ)
        begun = time.monotonic()
        with (self.folder / "up.log").open("wb") as said, home.held(place):
            logs.configure("up", level="error")
            async with (
                serving(
                    chosen,
                    place,
                    "127.0.0.1",
                    0,
                    tools=tools,
                    stopping=stopping,
                    output=said.fileno(),
                ) as house,
                connect(operator.settings(place.path), name="demo") as bus,
            ):
                where = f"{house.endpoint.url}, everything in {self.folder}"
                teller.told("up", time.monotonic() - begun, where)
                showing = asyncio.create_task(self.show(house.endpoint, bus))
                await until(stopping, house, showing)
                if not once:
                    self.invite(house.endpoint)
                    await until(stopping, house)

    async def show(self, at: Endpoint, bus: Bus) -> None:
        """Push, call, change, push again, call again."""
        teller = self.teller
        teller.heading("A repository with a Python function and a site of plain files")
        with teller.step("sample") as step:
            await asyncio.to_thread(sample.make, self.work, self.environment)
            step["detail"] = "stack.yml, hello/handler.py (python3-http), site/index.html (static)"
        teller.heading("git push, and what the log says of it as it happens")
        await self.push(at, bus, "push")
        await self.call(at, "hello", "Hello, world: version 1\n")
        await self.call(at, "site", sample.PAGE)
        await self.newest(at)
        teller.heading("One line changed, pushed again")
        await asyncio.to_thread(sample.change, self.work, self.environment, 2)
        took = await self.push(at, bus, "push again")
        await self.call(at, "hello", "Hello, world: version 2\n")
        view = await self.newest(at)
        teller.end(
            f"all is well: the warm push took {duration(took * 1000)} (goal: under {WARM:.0f} s), "
            f"{duration(view.own_ms)} of it Pushline's own"
        )
        self.shown = True

    async def push(self, at: Endpoint, bus: Bus, name: str) -> float:
        """Push with git, tell the log's events meanwhile; return the seconds it took."""
        begun = time.monotonic()
        following = _Following(bus, self.teller, await bus.log.head())
        with self.teller.step(name) as step:
            telling = asyncio.create_task(following.tell(begun))
            try:
                async with asyncio.timeout(PATIENCE):
                    said = await self.git_push(at)
                took = time.monotonic() - begun
                await following.reached(await bus.log.head())
            finally:
                telling.cancel()
                await asyncio.wait((telling,))
            urls = [line.split()[3] for line in said if line.startswith("remote: live at ")]
            step["detail"] = f"live at {', '.join(urls)}"
        return took

    async def git_push(self, at: Endpoint) -> list[str]:
        """Run the real client; return its lines, raise StepFailed with them."""
        process = await asyncio.create_subprocess_exec(
            *("git", "-C", str(self.work), "push", remote(at, OWNER, PROJECT), "main"),
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            raise
        lines = output.decode(errors="replace").replace(at.token, "…").splitlines()
        if process.returncode:
            raise StepFailed("git push failed:\n" + "\n".join(lines))
        return lines

    async def call(self, at: Endpoint, function: str, expected: str) -> None:
        """Call a function through the router, by its host name, until it answers as it should.

        The router follows the log by itself: it may hear of a revision a moment after git does.
        """
        url = at.function_url(LABEL, "production", function)
        host, deadline = f"{LABEL}.{at.root_domain}", time.monotonic() + SWITCH
        with self.teller.step(f"call {function}") as step:
            while (said := await asyncio.to_thread(_get, at, host, function)) != (200, expected):
                if time.monotonic() > deadline:
                    raise StepFailed(f"{url} answered {said}, not {(200, expected)}")
                await asyncio.sleep(0.005)
            words = " ".join(said[1].split())
            step["detail"] = f"{url} answered {said[0]}: {words[:SHOWN]}"

    async def newest(self, at: Endpoint) -> RunView:
        """Return the newest run once it has ended, and show where its time went."""
        api = Api(at)
        async with asyncio.timeout(PATIENCE):
            while True:
                page = await asyncio.to_thread(api.get, "/api/runs", Page[RunItem], limit=1)
                if page.items and page.items[0].ended:
                    break
                await asyncio.sleep(0.02)
        view = await asyncio.to_thread(api.get, f"/api/runs/{page.items[0].id}", RunView)
        if view.outcome != "live":
            raise StepFailed(f"the run is {view.outcome}: {view.message}")
        self.teller.waterfall(view)
        return view

    def invite(self, at: Endpoint) -> None:
        """Say what to try while it stays up."""
        place, pushline = self.folder / "home", program()
        self.teller.heading("It stays up; try in another terminal")
        for text in (
            f"curl '{at.function_url(LABEL, 'production', 'hello')}?name=you'",
            f"cd {self.work}   # change hello/handler.py, commit it, then",
            f"git push {remote(at, OWNER, PROJECT)} main",
            f"{pushline} events tail -f --home {place}",
            f"{pushline} run ls --home {place}",
            f"{pushline} functions ls --home {place}",
            f"{pushline} audit tail --home {place}",
        ):
            self.teller.line(text)
        self.teller.line("Ctrl-C ends it and removes all of it.", indent=0)


class _Following:
    """Tells the log's events as they come, those that are about a push."""

    def __init__(self, bus: Bus, teller: Teller, after: int) -> None:
        self.bus = bus
        self.teller = teller
        self.seq = after
        self.more = asyncio.Event()

    async def tell(self, begun: float) -> None:
        """Tell each event, for ever."""
        async for event in self.bus.follow.events(after=self.seq):
            self.seq = event.seq
            self.more.set()
            since = time.monotonic() - begun
            line = line_of(event)
            self.teller.event(kind(line, WIDEST), since, gist(line))

    async def reached(self, seq: int) -> None:
        """Wait until the event with this sequence was told, a moment at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                while self.seq < seq:
                    self.more.clear()
                    await self.more.wait()


def _get(at: Endpoint, host: str, function: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(at.host, at.port, timeout=30)
    try:
        connection.request("GET", f"/{function}", headers={"Host": f"{host}:{at.port}"})
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    finally:
        connection.close()
