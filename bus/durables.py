"""A worker's durable: its place in a stream, made by ``ensure`` and never by the worker."""

from typing import TYPE_CHECKING, Any, Final

from bus.again import POINTERS
from bus.jetstream import JetStream, Refused, patiently
from bus.timers import DUE, TIMERS, Due
from schemas.envelope import Delivery
from schemas.errors import DurableMissing
from schemas.ids import tag_of
from schemas.subjects import fact_of

if TYPE_CHECKING:
    from bus.work import Pace, Worker
    from schemas.events import Event

MAX_ACK_PENDING: Final = 1000  # a message given back with a delay still counts
AHEAD: Final = 10_000  # messages that a worker with lanes holds beside its places
SPARE: Final = 4  # deliveries for one attempt: restarts and crashes use some up, resting none
_OTHERS: Final = {Delivery: ("DELIVERIES", "delivery.>"), Due: (TIMERS, DUE)}  # than EVENTS
START: Final = ("deliver_policy", "opt_start_seq")  # cannot be changed once made


def stream_of(worker: "Worker | type[Worker]") -> str:
    """Return the stream a worker reads."""
    return next(
        (stream for kind, (stream, _) in _OTHERS.items() if kind in _reads(worker)), "EVENTS"
    )


def filters_of(worker: "Worker | type[Worker]") -> list[str]:
    """Return the subjects a worker reads; on EVENTS also the facts that point at a message."""
    for kind, (_, filter) in _OTHERS.items():
        if kind in _reads(worker):
            return [filter]
    forges = getattr(worker, "reads_of", ("*",))
    own = {_filter(fact, forge) for fact in _reads(worker) for forge in forges}
    return sorted(own | {_filter(fact) for fact in POINTERS})


def _reads(worker: "Worker | type[Worker]") -> tuple[Any, ...]:
    reads: Any = worker.reads
    return reads if isinstance(reads, tuple) else (reads,)


def _filter(fact: "type[Event]", forge: str = "*") -> str:
    kind = tag_of(fact).partition(".")[0]
    return f"ev.{forge}.*.{kind}.*.{fact_of(fact)}"


def config_of(worker: "Worker | type[Worker]", pace: "Pace") -> dict[str, Any]:
    """Return the declared configuration, all but where a new durable begins."""
    return {
        "durable_name": worker.durable,
        "name": worker.durable,
        "filter_subjects": filters_of(worker),
        "ack_policy": "explicit",
        "ack_wait": int(pace.ack_wait * 10**9),
        "max_deliver": pace.attempts * SPARE,
        "max_ack_pending": MAX_ACK_PENDING + (AHEAD if hasattr(worker, "lane") else 0),
        "replay_policy": "instant",
    }


async def live(js: JetStream, worker: "Worker | type[Worker]") -> dict[str, Any] | None:
    """Return the state and configuration of a worker's durable, None where it was never made."""
    return await patiently(lambda: js.consumer(stream_of(worker), worker.durable))


def drifted(live: dict[str, Any], config: dict[str, Any]) -> bool:
    """Tell whether a durable differs from its declared configuration."""
    single = [live["filter_subject"]] if live.get("filter_subject") else []
    given = {**live, "filter_subjects": live.get("filter_subjects") or single}
    return any(given.get(key) != value for key, value in config.items())


async def declare(js: JetStream, worker: "Worker | type[Worker]") -> None:
    """Create or update the durable of ``worker``; one that is there keeps its place."""
    stream, config = stream_of(worker), config_of(worker, pace_of(worker))
    known = await live(js, worker)
    if known is None:
        config |= await _begin(js, stream, worker)
    else:
        config |= {key: known["config"][key] for key in START if key in known["config"]}
    query = {"stream_name": stream, "config": config}
    verb = f"CONSUMER.CREATE.{stream}.{worker.durable}"
    if len(config["filter_subjects"]) == 1:
        config["filter_subject"] = config.pop("filter_subjects")[0]
        verb += "." + config["filter_subject"]
    try:
        await patiently(lambda: js.call(verb, query))
    except Refused as refused:
        raise DurableMissing(f"durable {worker.durable}: {refused}") from refused


async def _begin(js: JetStream, stream: str, worker: "Worker | type[Worker]") -> dict[str, Any]:
    """Return where a new durable begins: "now" is the next message, also the very first."""
    if worker.begins == "first":
        return {"deliver_policy": "all"}
    info = await patiently(lambda: js.info(stream))
    head = 0 if info is None else int(info["state"]["last_seq"])
    return {"deliver_policy": "by_start_sequence", "opt_start_seq": head + 1}


def pace_of(worker: "Worker | type[Worker]") -> "Pace":
    """Return the worker's own pace, else the usual one."""
    from bus.work import Pace

    found = getattr(worker, "pace", None)
    return found if isinstance(found, Pace) else Pace()
