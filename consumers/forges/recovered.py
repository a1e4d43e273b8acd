"""How a delivery is marked that no forge brought: we asked, and found what it would have told.

Such a delivery tells how things were when the forge was asked. It says until where the log had
come by then: what was recorded since is newer, and stands.
"""

from typing import Final

from schemas.envelope import Delivery

WHY: Final = "x-pushline-recovered"  # the word of ``delivery.recovered``
AS_OF: Final = "x-pushline-as-of"  # the log's last sequence before the forge was asked


def as_of(delivery: Delivery) -> int | None:
    """Return the sequence that a delivery's news must not be older than, None for any other."""
    text = delivery.headers.get(AS_OF, "")
    return int(text) if text.isdigit() else None


def is_late(delivery: Delivery) -> bool:
    """Tell whether no forge brought a delivery: what others brought may be newer."""
    return WHY in delivery.headers
