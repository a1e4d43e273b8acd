"""The end of a build's log, framed, within what a forge takes."""

from typing import Final

from consumers.status.texts.inert import fenced

LIMIT: Final = 65_535  # of a check run's text; in bytes, so that it holds however that is counted
LANGUAGE: Final = "shell"


def framed(log: str, limit: int = LIMIT) -> str:
    """Return a log as Markdown of ``limit`` bytes at most, "" for an empty one.

    Of one that is too long the end is kept, from the begin of a line on, after a sentence that
    says so; where not even that has room, nothing is.
    """
    if not log.strip():
        return ""
    whole = _frame(log)
    if (size := len(whole.encode())) <= limit:
        return whole
    sentence = (
        f"Warning: log size ({size}) bytes exceeded ({limit}) bytes so was truncated. "
        "See dashboard for full logs.\n"
    )
    room = limit - len(sentence.encode()) - len(_frame("").encode())
    kept = log
    while room > 0:
        kept = _from_line(tail(kept, room))
        cut = sentence + _frame(kept)
        if (over := len(cut.encode()) - limit) <= 0:
            return cut
        room = min(room, len(kept.encode())) - over
    return ""


def tail(text: str, size: int) -> str:
    """Return the last ``size`` bytes of a text, less the part of a letter that this cuts."""
    return text.encode()[-size:].decode(errors="ignore") if size > 0 else ""


def _from_line(text: str) -> str:
    """Return a text without its begin, which is not a whole line; a single line stays."""
    _, _, rest = text.partition("\n")
    return rest if rest.strip() else text


def _frame(log: str) -> str:
    return f"\n{fenced(log, LANGUAGE)}"
