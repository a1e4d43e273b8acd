"""The log: who may speak to it, its streams, the consumers' places, and the room that is left."""

from typing import Final

from bus import durables, streams
from bus.connection import connect as connected
from bus.connection import session
from bus.jetstream import JetStream
from bus.letters import open_letters
from edge.cli.doctor.finding import Check, Outcome, Subject, fail, off, ok, warn
from edge.cli.workers import DURABLE
from schemas.errors import LogUnavailable

NEEDED: Final = (2, 14)  # of the server: atomic batches
FULL: Final = 0.95  # of a stream's room; at 1 nothing more is taken
FILLING: Final = 0.80
NONE: Final = "no log is known: `pushline up` has its own, PUSHLINE_NATS_URL names another"
AWAY: Final = "the log was not reached"
INIT: Final = "`pushline init` brings it up to date"


async def connect(subject: Subject) -> Outcome:
    """Connect as each role whose password we have; look at the server's version."""
    if not subject.roles:
        return off(NONE)
    version = (0, 0, 0)
    for bus in subject.roles.values():
        async with session(bus, name="doctor") as js:
            server = js.nats.connected_server_version
            version = (server.major, server.minor, server.patch)
            await js.call("INFO")
    shown = ".".join(map(str, version))
    if version < NEEDED:
        return fail(f"nats-server is {shown}", "run nats-server 2.14 or newer")
    return ok(f"nats-server {shown}, reached as {', '.join(subject.roles) or 'nobody'}")


async def declared(subject: Subject) -> Outcome:
    """Compare each stream with what this release declares."""
    if subject.reader is None:
        return off(NONE)
    wrong = []
    try:
        async with session(subject.reader, name="doctor") as js:
            for name, config in streams.declared(subject.reader).items():
                live = await js.info(name)
                if live is None:
                    return fail(f"there is no stream {name}", "`pushline init` makes a new log")
                wrong += [f"{name}.{key}" for key in streams.differences(live["config"], config)]
    except LogUnavailable:
        return off(AWAY)
    if wrong:
        return warn(f"not as declared: {', '.join(wrong)}", INIT)
    return ok(f"{', '.join(streams.SHARES)} are as declared")


async def places(subject: Subject) -> Outcome:
    """Look for each consumer's place, and how far behind it is."""
    if subject.reader is None:
        return off(NONE)
    missing, other, waiting = [], [], []
    try:
        async with session(subject.reader, name="doctor") as js:
            for worker in DURABLE:
                live = await durables.live(js, worker)
                if live is None:
                    missing.append(worker.durable)
                    continue
                config = durables.config_of(worker, durables.pace_of(worker))
                if durables.drifted(live["config"], config):
                    other.append(worker.durable)
                if behind := int(live["num_pending"]) + int(live["num_ack_pending"]):
                    waiting.append(f"{worker.durable} {behind}")
    except LogUnavailable:
        return off(AWAY)
    if missing:
        return fail(f"no place for {', '.join(missing)}", INIT)
    if other:
        return warn(f"not as declared: {', '.join(other)}", INIT)
    return ok(f"{len(DURABLE)} consumers; " + (f"waiting: {', '.join(waiting)}" if waiting else
              "nothing waits"))  # fmt: skip


async def room(subject: Subject) -> Outcome:
    """Look at how full the streams are that refuse when they are full, and at what was given up."""
    if subject.reader is None:
        return off(NONE)
    try:
        async with connected(subject.reader, name="doctor") as bus:
            used = {name: await _used(bus.js, name) for name in ("EVENTS", "DELIVERIES")}
            dead = await open_letters(bus)
    except LogUnavailable:
        return off(AWAY)
    says = ", ".join(f"{name} {share:.1%} full" for name, share in used.items())
    most = max(used.values())
    if most > FILLING:
        cure = "give the log more room: PUSHLINE_LOG_ROOM, then `pushline init`"
        return fail(says, cure) if most > FULL else warn(says, cure)
    if dead:
        cure = "`pushline deadletter ls` says why; then `pushline deadletter redrive`, or drop"
        return warn(f"{says}; {len(dead)} dead letter{'s' * (len(dead) > 1)}", cure)
    return ok(says)


async def _used(js: JetStream, stream: str) -> float:
    info = await js.info(stream)
    most = int(info["config"].get("max_bytes", -1)) if info else -1
    return int(info["state"]["bytes"]) / most if info and most > 0 else 0.0


CHECKS: Final = (
    Check("log.connect", connect, cure="start it, or mend PUSHLINE_NATS_URL"),
    Check("log.streams", declared),
    Check("log.consumers", places),
    Check("log.room", room),
)
