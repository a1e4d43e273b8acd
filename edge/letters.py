"""Dead letters as people see them: grouped by what went wrong, in a stable shape."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import ClassVar, Final

import msgspec

from bus.deadletters import DeadLetter
from bus.letters import Letter, LetterSettled, Origin
from schemas.envelope import Recorded, Unknown
from schemas.errors import PushlineError
from schemas.events import Event
from schemas.ids import tag_of

# What tells one failure from its like: ids, digests, numbers, paths and what stands in quotes.
_ONE: Final = re.compile(
    r"'[^']*'|\"[^\"]*\"|\bsha256:[0-9a-f]+|\b[0-9A-HJKMNP-TV-Z]{26}\b|\b[0-9a-f]{7,64}\b"
    r"|\b\d[\d.,:]*"
)


class LetterGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Letters of one consumer that failed alike."""

    consumer: str
    code: str
    reason: str  # without ids
    count: int
    first: datetime
    last: datetime
    letters: tuple[str, ...]  # ids, oldest first


class LetterView(msgspec.Struct, frozen=True, kw_only=True):
    """One letter, whole."""

    id: str
    state: str  # open, redriven, handled, dropped
    consumer: str
    code: str
    reason: str
    hint: str
    attempts: int
    time: datetime
    stack: tuple[str, ...] = ()
    again: str = ""  # the letter that was redriven, and failed like this
    by: str = ""  # who redrove or dropped it
    stream: str = ""  # where the message stands that it is about
    seq: int = 0
    event: str = ""  # the message's id
    type: str = ""  # the event's
    project: str = ""
    run: str = ""


class LetterUnknown(PushlineError):
    """No dead letter has this id."""

    code = "letter_unknown"
    status: ClassVar = 404


class ChoiceInvalid(PushlineError):
    """Which letters are meant is not said, or in two ways that contradict one another."""

    code = "choice_invalid"
    status: ClassVar = 422


class Choice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which letters are meant: these, those of a consumer that failed so, or all that are open."""

    ids: tuple[str, ...] = ()
    consumer: str = ""
    code: str = ""
    all: bool = False


def found(letters: Iterable[Letter], id: str) -> Letter:
    """Return the letter with this id; raises LetterUnknown."""
    for letter in letters:
        if letter.dead.key == id:
            return letter
    raise LetterUnknown(
        f"there is no dead letter {id[:200]}", hint="`pushline deadletter ls --all` lists them"
    )


def chosen(letters: Sequence[Letter], choice: Choice) -> list[DeadLetter]:
    """Return the open letters that are meant; raises what cannot be meant."""
    if sum((bool(choice.ids), bool(choice.consumer or choice.code), choice.all)) != 1:
        raise ChoiceInvalid(
            "say which letters", hint="ids, or a consumer and a code, or all: one of these"
        )
    if choice.ids:
        return [_open(found(letters, id)).dead for id in dict.fromkeys(choice.ids)]
    return [
        letter.dead
        for letter in letters
        if letter.state == "open"
        and choice.consumer in ("", letter.dead.consumer)
        and choice.code in ("", letter.dead.code)
    ]


def _open(letter: Letter) -> Letter:
    if letter.state != "open":
        raise LetterSettled(f"{letter.dead.key} is {letter.state}, by {letter.by}")
    return letter


def general(reason: str) -> str:
    """Return a reason without what differs from one failure to its like."""
    return _ONE.sub("…", reason)


def grouped(letters: Iterable[DeadLetter]) -> list[LetterGroup]:
    """Return groups, the largest first."""
    groups: dict[tuple[str, str, str], list[DeadLetter]] = {}
    for letter in letters:
        key = (letter.consumer, letter.code, general(letter.reason))
        groups.setdefault(key, []).append(letter)
    found = [
        LetterGroup(
            consumer=consumer,
            code=code,
            reason=reason,
            count=len(alike),
            first=min(letter.time for letter in alike),
            last=max(letter.time for letter in alike),
            letters=tuple(letter.key for letter in alike),
        )
        for (consumer, code, reason), alike in groups.items()
    ]
    return sorted(found, key=lambda group: (-group.count, group.consumer, group.code))


def view(letter: Letter, origin: Origin) -> LetterView:
    """Return all that is known of one letter."""
    dead, message = letter.dead, origin.message
    event = message if isinstance(message, Recorded) else None
    return LetterView(
        id=dead.key,
        state=letter.state,
        consumer=origin.consumer,
        code=dead.code,
        reason=dead.reason,
        hint=dead.hint,
        attempts=dead.attempts,
        time=dead.time,
        stack=dead.stack,
        again=dead.again,
        by=letter.by,
        stream=origin.stream,
        seq=origin.seq,
        event=event.id if event else dead.event,
        type=_type(event),
        project=(event.name or event.of.project) if event else "",
        run=event.run if event else "",
    )


def _type(event: Recorded[Event] | None) -> str:
    if event is None:
        return ""
    return event.fact.type if isinstance(event.fact, Unknown) else tag_of(event.fact)
