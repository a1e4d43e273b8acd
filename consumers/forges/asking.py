"""What asking a forge comes to: an answer, or why there is none."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

import msgspec

from schemas.errors import GiveUp, Retry

T = TypeVar("T")


class Answer(msgspec.Struct, frozen=True):
    """What a forge said; statuses that say nothing, or refuse us, are raised instead."""

    status: int  # 2xx, 304, or a 4xx that is about what was asked: 400 404 405 409 410 412 422
    body: Any = None  # decoded JSON; None where there is none
    headers: Mapping[str, str] = {}  # by names in lower case
    size: int = 0  # bytes of the body as it came

    def __repr__(self) -> str:
        """Return the status; tokens may be in the body."""
        return f"Answer({self.status})"

    def read(self, kind: type[T]) -> T:
        """Return the body; ForgeUnavailable where it is something else than documented."""
        try:
            return msgspec.convert(self.body, kind)
        except msgspec.ValidationError as error:
            raise ForgeUnavailable(
                f"the forge answered {self.status} in a shape that is not documented: {error}",
                hint="is its address right, and nothing in between?",
            ) from error


class ForgeUnavailable(Retry):
    """A forge gives no answer: it is down, limits us, or something else answers in its place.

    ``after``: seconds in which it need not be asked again, as far as it said.
    """

    code = "forge_unavailable"
    patience: ClassVar = timedelta(hours=24)

    def __init__(self, message: str, *, hint: str = "", after: float = 0) -> None:
        """Say what happened in one sentence, without secrets."""
        super().__init__(message, hint=hint)
        self.after = after


class ForgeRefused(GiveUp):
    """A forge knows us and will not do it; the message names what is missing, the hint the cure."""

    code = "forge_refused"
