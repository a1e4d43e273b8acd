"""The router beside nginx, HAProxy, Caddy and Traefik, in interleaved rounds.

The server on one core, load and upstream on the other; each round asks every server once, so that
ratios within a round are told by the servers and not by the minute.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.load import Load, Measured, measure
from tests.bench.ours import cookie, pushline
from tests.bench.peers import HOST, PEERS, UPSTREAM, Place, serve_by_nginx
from tests.bench.process import LOAD_CORE, SERVER_CORE, Missing, Program, find, free_port, running
from tests.bench.report import OURS, Goal, How, Report, Rounds, ratio, say

COOKIE: Final = b"pushline_token=" + b"x" * 404  # as long as a signed token
MIB: Final = 2**20
CONSTANT: Final = 16.0  # MB that large bodies may add


def asking(line: bytes, *headers: bytes, body: bytes = b"", cookie: bytes = COOKIE) -> bytes:
    """Return a request as a browser's, with a cookie of a signed token's length."""
    usual = (b"Host: " + HOST.encode(), b"User-Agent: bench", b"Accept: */*", b"Cookie: " + cookie)
    return b"\r\n".join((line + b" HTTP/1.1", *usual, *headers, b"", b"")) + body


CASES: Final = (
    Load("32 connections", 32, asking(b"GET /hello")),
    Load("1 connection", 1, asking(b"GET /hello")),
    Load("512 connections", 512, asking(b"GET /hello")),
    Load("every head different", 32, asking(b"GET /hello/{n}", b"X-Number: {n}")),
    Load("1 MiB down", 8, asking(b"GET /hello/mib")),
    Load(
        "1 MiB up",
        8,
        asking(b"POST /hello/up", b"Content-Length: %d" % MIB, body=bytes(MIB)),
    ),
)


PROTECTED: Final = "protected"
GUARDED: Final = (OURS, "nginx", "traefik", "caddy")  # who can ask somebody before it passes on


class Server(NamedTuple):
    """One of those that are compared."""

    name: str
    place: Place
    command: list[str]
    told: bytes = b""  # its standard input


class Asked(NamedTuple):
    """One that is running."""

    server: Server
    program: Program


def run(how: How) -> Report:
    """Return what all rounds of all cases found."""
    notes: list[str] = []
    with ExitStack() as stack:
        servers = compared(how.folder, start_upstream(stack, how.folder), notes)
        starts = {server.name: starting(server, how.rounds) for server in servers}
        asked = [Asked(one, stack.enter_context(started(one))) for one in servers]
        idle = {one.server.name: one.program.memory() for one in asked}
        cases = {load.name: case(load, asked, how) for load in CASES if how.only in load.name}
        if how.only in PROTECTED:
            cases[PROTECTED] = protected(asked, how, notes)
    notes += [
        "start to listening: " + ", ".join(f"{name} {ms:.0f} ms" for name, ms in starts.items()),
        "resident when idle: " + ", ".join(f"{name} {mb:.0f} MB" for name, mb in idle.items()),
    ]
    return Report("router", how.machine, cases, goals(cases, starts[OURS], idle[OURS]), notes)


def start_upstream(stack: ExitStack, folder: Path) -> int:
    """Start what answers behind all of them; return its port."""
    at = Place(folder / "upstream", free_port(), 0)
    (at.folder / "files").mkdir(parents=True)
    (at.folder / "files" / "mib").write_bytes(bytes(MIB))
    program = find("nginx", "apt-get install nginx-light (it is the upstream of all)")
    stack.enter_context(
        running(serve_by_nginx(program, at, UPSTREAM), at.port, at.folder, LOAD_CORE)
    )
    return at.port


def compared(folder: Path, upstream: int, notes: list[str]) -> list[Server]:
    """Return ours and each peer that is there; the others are noted, loudly."""
    place = Place(folder / OURS, free_port(), upstream)
    place.folder.mkdir()
    servers = [Server(OURS, place, *pushline(place))]
    for peer in PEERS:
        try:
            program = find(peer.name, peer.cure)
        except Missing as missing:
            notes.append(f"NOT COMPARED with {peer.name}: {missing}")
            say(notes[-1])
            continue
        place = Place(folder / peer.name, free_port(), upstream)
        place.folder.mkdir()
        servers.append(Server(peer.name, place, peer.command(program, place)))
    return servers


def started(server: Server) -> AbstractContextManager[Program]:
    """Start a server; the context ends it."""
    place = server.place
    return running(server.command, place.port, place.folder, SERVER_CORE, server.told)


def starting(server: Server, rounds: int) -> float:
    """Return the milliseconds from start to listening, the median of some starts."""
    took = []
    for _ in range(rounds):
        with started(server) as program:
            took.append(program.took * 1000)
    return statistics.median(took)


def protected(asked: Sequence[Asked], how: How, notes: list[str]) -> Rounds:
    """Ask for what is closed, with a signed token that is good at ours; the others are told yes.

    Ours is another router than before, of an installation where people sign in.
    """
    place = Place(how.folder / PROTECTED, free_port(), asked[0].server.place.upstream)
    place.folder.mkdir()
    server, token = Server(OURS, place, *pushline(place)), cookie(place)
    with started(server) as program:
        time.sleep(1.0)  # what verifies signatures is imported meanwhile
        idle = program.memory()
        notes.append(f"protected: a cookie of {len(token)} bytes; ours idle: {idle:.0f} MB")
        guarded = [
            Asked(server, program),
            *(one for one in asked[1:] if one.server.name in GUARDED),
        ]
        return case(Load(PROTECTED, 32, asking(b"GET /closed", cookie=token)), guarded, how)


def case(load: Load, asked: Sequence[Asked], how: How) -> Rounds:
    """Ask each server in turn, again and again."""
    found: dict[str, list[Measured]] = {one.server.name: [] for one in asked}
    for number in range(1, how.rounds + 1):
        say(f"{load.name}: round {number} of {how.rounds}")
        for server, program in asked:
            port = server.place.port
            found[server.name].append(measure(load, program, port, how.folder, how.seconds))
            time.sleep(0.05)  # what the last load left behind is closed meanwhile
    return found


def goals(cases: dict[str, Rounds], listening_ms: float, idle_mb: float) -> list[Goal]:
    """Return each goal with what was measured."""
    found = [
        Goal(f"{load}: rate to {peer}'s", bound, ratio(cases.get(load), peer, lambda m: m.rate))
        for load, peer, bound in (
            ("32 connections", "traefik", 2.5),
            ("32 connections", "caddy", 3.0),
            ("32 connections", "nginx", 0.65),
            ("every head different", "traefik", 1.8),
            ("every head different", "nginx", 0.5),
        )
    ]
    found += [
        Goal(what, bound, ratio(cases.get(PROTECTED), peer, lambda m: m.rate))
        for what, peer, bound in (
            ("protected: rate to traefik forwardAuth's", "traefik", 5.0),
            ("protected: rate to nginx auth_request's", "nginx", 1.0),
        )
    ]
    times: tuple[tuple[str, str, Callable[[Measured], float], float], ...] = (
        ("1 connection", "p50", lambda m: m.p50_ms, 1.0),
        ("1 connection", "p99", lambda m: m.p99_ms, 1.0),
        ("512 connections", "p99", lambda m: m.p99_ms, 0.6),
    )
    found += [
        Goal(
            f"{load}: {name} to traefik's",
            bound,
            ratio(cases.get(load), "traefik", of),
            at_least=False,
        )
        for load, name, of, bound in times
    ]
    for load in ("1 MiB down", "1 MiB up"):
        found.append(
            Goal(
                f"{load}: bytes/s to traefik's",
                1.0,
                ratio(cases.get(load), "traefik", lambda m: m.mib_s),
            )
        )
    return [*found, *_own(cases, listening_ms, idle_mb)]


def _own(cases: dict[str, Rounds], listening_ms: float, idle_mb: float) -> list[Goal]:
    """Return the goals that are not about a peer."""
    more = None
    if "1 MiB down" in cases and "1 MiB up" in cases:
        large = [m.memory_mb for load in ("1 MiB down", "1 MiB up") for m in cases[load][OURS]]
        more = max(large) - idle_mb
    return [
        Goal("1 MiB bodies: memory over idle", CONSTANT, more, "MB", at_least=False),
        Goal("idle: resident", 45.0, idle_mb, "MB", at_least=False),
        Goal("start to listening", 200.0, listening_ms, "ms", at_least=False),
    ]
