"""The streams and durables as they are declared; ``init`` makes them, ``ensure`` keeps them so.

Configurations are whole and plain JSON: nats-py's dataclasses drop fields that they do not know,
so nothing is ever read, changed and written back through them.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from bus import water
from bus.connection import session
from bus.durables import declare
from bus.jetstream import JetStream, Refused, patiently
from bus.settings import BusSettings
from bus.work import Worker
from schemas.errors import LogNotInitialised, LogRewound, ServerUnusable

API_LEVEL: Final = 4  # nats-server 2.14
DAY: Final = 86_400 * 10**9  # nanoseconds
MINUTE: Final = 60 * 10**9
GIB: Final = 1024**3
MARK: Final = "pushline-initialised"  # metadata of EVENTS, written when all else is there

STREAMS: Final[tuple[dict[str, Any], ...]] = (
    {
        "name": "EVENTS",
        "subjects": ["ev.>"],
        "discard": "new",
        "allow_direct": True,
        "allow_atomic": True,
        "compression": "s2",
        "duplicate_window": 10 * MINUTE,
        "max_msg_size": 256 * 1024,
    },
    {
        "name": "DELIVERIES",
        "subjects": ["delivery.>"],
        "discard": "new",
        "compression": "s2",
        "max_age": 30 * DAY,
        "duplicate_window": 10 * MINUTE,
        "max_msg_size": 256 * 1024,
    },
    {
        "name": "LOGS",
        "subjects": ["log.>"],
        "discard": "old",
        "compression": "s2",
        "max_age": 7 * DAY,
        "persist_mode": "async",
        "duplicate_window": 2 * MINUTE,
    },
    {
        "name": "USAGE",
        "subjects": ["usage.>"],
        "discard": "old",
        "compression": "s2",
        "max_age": 30 * DAY,
        "persist_mode": "async",
        "duplicate_window": 2 * MINUTE,
    },
    {
        "name": "DEADLETTERS",
        "subjects": [
            "dead.>",
            "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.*.*",
            "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.*.*",
        ],
        "discard": "old",
        "max_age": 90 * DAY,
        "duplicate_window": 10 * MINUTE,
    },
    {
        "name": "TIMERS",
        "subjects": ["timer.>", "due.>"],
        "discard": "old",  # the server schedules in no other; what is lost is set again
        "allow_msg_schedules": True,
        "allow_msg_ttl": True,
        "max_msgs_per_subject": 1,
        "duplicate_window": 2 * MINUTE,
    },
)
SHARES: Final = {  # of the room for all streams
    "EVENTS": 0.60,
    "DELIVERIES": 0.15,
    "LOGS": 0.15,
    "USAGE": 0.05,
    "DEADLETTERS": 0.04,
    "TIMERS": 0.01,
}


def declared(settings: BusSettings) -> dict[str, dict[str, Any]]:
    """Return the whole configuration of each stream.

    Streams of a cluster are all persisted before they are acknowledged: the server offers no other.
    """
    unfit = {"persist_mode"} if settings.replicas > 1 else set()
    return {
        stream["name"]: {
            "retention": "limits",
            "storage": "file",
            "num_replicas": settings.replicas,
            "max_bytes": int(settings.log_bytes * SHARES[stream["name"]]),
            **{name: value for name, value in stream.items() if name not in unfit},
        }
        for stream in STREAMS
    }


def is_new(settings: BusSettings) -> bool:
    """Tell whether no log was ever known in this home: the only time for ``init``."""
    return water.read(settings.home) is None


async def init(settings: BusSettings) -> None:
    """Create the streams, once for a home; harmless when they are there.

    Interrupted anywhere it can be run again. Refuses (LogRewound) where a log is known to have
    been: an empty store beside a mark is a lost disk or a wrong key, and creating streams would
    destroy what may still be saved.
    """
    async with session(settings, name="init") as js:
        await _require(js)
        events = await patiently(lambda: js.info("EVENTS"))
        if events is None and not is_new(settings):
            raise LogRewound(
                f"the log that had reached {water.read(settings.home)} is gone",
                hint="restore its folder, or begin with another home",
            )
        wanted = declared(settings)
        for config in wanted.values():
            await _bring(js, config)
        if events is None or MARK not in events["config"].get("metadata", {}):
            marked = {**wanted["EVENTS"], "metadata": {MARK: datetime.now(UTC).isoformat()}}
            await _call(js, "UPDATE", marked)
        head = 0 if events is None else int(events["state"]["last_seq"])
        water.write(settings.home, head)


async def ensure(settings: BusSettings, workers: Iterable[Worker | type[Worker]] = ()) -> None:
    """Bring streams and the workers' durables to their declared configuration.

    Raises LogNotInitialised when EVENTS is missing or was never finished, LogRewound when it
    ends before its mark.
    """
    async with session(settings, name="ensure") as js:
        await _require(js)
        mark = await _initialised(js)
        wanted = declared(settings)
        wanted["EVENTS"]["metadata"] = {MARK: mark}
        for config in wanted.values():
            await _bring(js, config)
        for worker in workers:
            await declare(js, worker)


async def _require(js: JetStream) -> None:
    """Raise ServerUnusable for a server that is too old, wherever it runs."""
    info = msgspec.json.decode(await patiently(lambda: js.call("INFO")))
    if (level := info.get("api", {}).get("level", 0)) < API_LEVEL:
        raise ServerUnusable(
            f"the nats-server speaks level {level} of JetStream's API, {API_LEVEL} is needed",
            hint="run nats-server 2.14 or newer",
        )


async def _initialised(js: JetStream) -> str:
    """Return when the log was made."""
    events = await patiently(lambda: js.info("EVENTS"))
    if events is None:
        raise LogNotInitialised(
            "there is no log here", hint="a missing log may be a broken disk; a new one: init"
        )
    mark: str = events["config"].get("metadata", {}).get(MARK, "")
    if not mark:
        raise LogNotInitialised("making the log was interrupted", hint="run init again")
    return mark


async def _bring(js: JetStream, config: dict[str, Any]) -> None:
    """Create a stream, or update one whose configuration has drifted."""
    live = await patiently(lambda: js.info(config["name"]))
    if live is None:
        await _call(js, "CREATE", config)
    elif drifted(live["config"], config):
        kept = _own(live["config"].get("metadata", {}))
        await _call(js, "UPDATE", {"metadata": kept, **config})


def drifted(live: dict[str, Any], config: dict[str, Any]) -> bool:
    """Tell whether the server's configuration differs from the declared one."""
    return bool(differences(live, config))


def differences(live: dict[str, Any], config: dict[str, Any]) -> list[str]:
    """Return the fields in which the server's configuration differs from the declared one."""
    given = {**live, "metadata": _own(live.get("metadata", {}))}
    wanted = {**config, "metadata": config.get("metadata", given["metadata"])}
    return [key for key, value in wanted.items() if given.get(key) != value]


def _own(metadata: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in metadata.items() if not key.startswith("_nats.")}


async def _call(js: JetStream, verb: str, config: dict[str, Any]) -> None:
    try:
        await patiently(lambda: js.call(f"STREAM.{verb}.{config['name']}", config, timeout=10))
    except Refused as refused:
        raise LogNotInitialised(
            f"stream {config['name']} cannot be made as declared: {refused}"
        ) from refused
