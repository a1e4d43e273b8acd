"""Slack: by an incoming webhook, in the predecessor's words: ``[source] owner/repo: 'message'``.

Slack takes about one message a second, so that several records share one. It knows no ids: what
it took without being able to say so appears twice.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from consumers.audit.record import Line, Record, parse
from consumers.audit.sinks.posting import post
from consumers.audit.sinks.settings import Slack

MOST: Final = 20  # records of one message
LONGEST: Final = 300  # characters of a record's line
TIMEOUT: Final = 10.0  # seconds
TOLD: Final = ("function", "outcome", "reason", "message", "label", "name", "login", "kind")


class SlackSink:
    """Posts messages."""

    linger = 1.1  # seconds
    most = 4 * 1024**2  # bytes

    def __init__(self, settings: Slack) -> None:
        """Post to the webhook of the settings."""
        self._settings = settings

    def window(self, after: int) -> tuple[int, int]:
        """Return as many as one message tells."""
        return after, after + MOST

    async def take(self, records: Sequence[Line]) -> None:
        """Post one message; NotTaken."""
        text = "\n".join(told(parse(line.text)) for line in records)
        body = msgspec.json.encode({"text": text})
        headers = {"Content-Type": "application/json"}
        await post(self._settings.url, body, headers, timeout=TIMEOUT)


def told(record: Record) -> str:
    """Return a record in one line, with what Slack would read as markup escaped."""
    said = (str(record.detail[name]) for name in TOLD if name in record.detail)
    message = " ".join((record.what.partition("/")[0], *said))
    where = record.project or record.on.rpartition(":")[2]
    text = f"[{record.who}] {where}: '{' '.join(message.split())}'"
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
