"""A session: what a daemon may ask of us while it builds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from consumers.builder.buildkit.contexts import Context
from consumers.builder.buildkit.receiving import Receiver

Credentials: TypeAlias = Callable[[str], tuple[str, str]]  # registry host → user, password
Secrets: TypeAlias = Callable[[str], bytes | None]  # id of a mount → its content


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a session has to give and to take."""

    contexts: Mapping[str, Context] = field(default_factory=dict)
    credentials: Credentials | None = field(default=None, repr=False)
    secrets: Secrets | None = field(default=None, repr=False)
    receive: Receiver | None = None
    shared_key: str = ""


class Session:
    """Made by ``Client.session``; its id is named in a Solve."""

    def __init__(self, offer: Offer) -> None:
        """Prepare; nothing is served yet."""
        self.offer = offer
        self.id = ""
