"""Dead letters and deliveries under ``/api``: operators look, have it tried again, or drop it."""

import secrets
from typing import Annotated, Any, Final

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter, SkipValidation

from bus.connection import Bus
from bus.letters import drop, letters, origin, redrive
from edge.api.queries import Asks
from edge.deliveries import request, resent
from edge.letters import Choice, LetterGroup, LetterView, chosen, found, grouped, view

MOST: Final = 100  # letters of one request
Wait = Annotated[
    float, QueryParameter(ge=0, le=20, description="seconds to wait for what comes of it")
]


class LetterGroups(msgspec.Struct, frozen=True, kw_only=True):
    """What is given up."""

    items: list[LetterGroup]


class Redrive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which letters are to be tried again: these, those of a consumer that failed so, or all."""

    ids: tuple[str, ...] = ()
    consumer: str = ""
    code: str = ""
    all: bool = False
    max: Annotated[int, msgspec.Meta(ge=1, le=MOST)] = MOST


class Reason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why nobody is to try again."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """A letter, and the sequence of the fact that settles it."""

    id: str
    seq: int


class Redriven(msgspec.Struct, frozen=True, kw_only=True):
    """What is tried again; ``left``: how many more are meant."""

    items: list[Settled]
    left: int = 0


class Resent(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that was asked for again; ``taken``: what came of it is known."""

    seq: int  # of the fact that asks
    taken: bool
    facts: tuple[int, ...] = ()  # what was missing and is there now
    reason: str = ""


@get("/deadletters", summary="What was given up, by what went wrong")
async def deadletters(*, bus: NamedDependency[SkipValidation[Bus]], asking: Asks) -> LetterGroups:
    """Return groups of open letters, the largest first."""
    asking.need("operate")
    known = await letters(bus)
    return LetterGroups(items=grouped(one.dead for one in known if one.state == "open"))


@get("/deadletters/{letter:str}", summary="One dead letter")
async def deadletter(
    *, bus: NamedDependency[SkipValidation[Bus]], asking: Asks, letter: FromPath[str]
) -> LetterView:
    """Return message, cure, place in the code, and what it is about."""
    asking.need("operate")
    one = found(await letters(bus), letter)
    return view(one, await origin(bus, one.dead))


@post("/deadletters/redrive", status_code=200, summary="Have consumers try again")
async def redrive_letters(
    *, bus: NamedDependency[SkipValidation[Bus]], asking: Asks, data: JSONBody[Redrive]
) -> Redriven:
    """Have those that failed take their messages again; nothing is published a second time."""
    asking.need("operate")
    choice = Choice(ids=data.ids, consumer=data.consumer, code=data.code, all=data.all)
    meant = chosen(await letters(bus), choice)
    now = meant[: data.max]
    items = [Settled(id=dead.key, seq=await redrive(bus, dead, actor=asking.actor)) for dead in now]
    return Redriven(items=items, left=len(meant) - len(now))


@post("/deadletters/{letter:str}/drop", status_code=200, summary="Give a letter up for good")
async def drop_letter(
    *,
    bus: NamedDependency[SkipValidation[Bus]],
    asking: Asks,
    letter: FromPath[str],
    data: JSONBody[Reason],
) -> Settled:
    """Have nobody try again; the record keeps the reason."""
    asking.need("operate")
    (dead,) = chosen(await letters(bus), Choice(ids=(letter,)))
    return Settled(id=dead.key, seq=await drop(bus, dead, data.reason, actor=asking.actor))


@post("/deliveries/{forge:str}/{delivery:str}/resend", status_code=200, summary="Take it again")
async def resend(
    *,
    bus: NamedDependency[SkipValidation[Bus]],
    asking: Asks,
    forge: FromPath[str],
    delivery: FromPath[str],
    wait: Wait = 10,
) -> Resent:
    """Have intake take a stored delivery again, under its old id: only what is missing happens."""
    asking.need("operate")
    token = secrets.token_hex(8)
    seq = await request(bus.log, forge, delivery, actor=asking.actor, token=token)
    told = await resent(bus, seq, wait)
    if told is None:
        return Resent(seq=seq, taken=False)
    return Resent(seq=seq, taken=True, facts=told.facts, reason=told.reason)


HANDLERS: Final[tuple[Any, ...]] = (
    deadletters,
    deadletter,
    redrive_letters,
    drop_letter,
    resend,
)
