"""Parts of a text put together, within what a forge takes."""

from collections.abc import Sequence
from typing import Final

LIMIT: Final = 65_535  # of a check run's summary; in bytes, however a forge may count
LEFT_OUT: Final = "… too long to be shown here"


def joined(parts: Sequence[str], limit: int = LIMIT) -> str:
    """Return the parts under each other; of too many bytes, the longest of the middle give way."""
    kept = [part.strip("\n") for part in parts if part.strip("\n")]
    while len((text := "\n\n".join(kept) + "\n").encode()) > limit:
        longest = max(range(1, len(kept) - 1), key=lambda at: len(kept[at].encode()))
        kept[longest] = LEFT_OUT
    return text
