"""The port of providers: whoever can say who somebody is."""

from typing import Protocol

import msgspec

from edge.auth.people import Person
from edge.auth.signin.attempt import Attempt


class Answer(msgspec.Struct, frozen=True):
    """What came back by way of the browser, with the right state."""

    code: str
    issuer: str = ""  # RFC 9207

    def __repr__(self) -> str:
        """Return nothing of it: whoever has the code may be first to use it."""
        return "Answer()"


class Provider(Protocol):
    """One provider; shared between tasks."""

    @property
    def name(self) -> str:
        """Return its word in paths: github, gitlab, oidc."""
        ...

    @property
    def title(self) -> str:
        """Return what people call it."""
        ...

    async def authorize_url(self, attempt: Attempt, back: str) -> str:
        """Return where a browser is sent, to come ``back`` with a code.

        Raises ProviderUnavailable and ProviderAnswered.
        """
        ...

    async def person(self, answer: Answer, attempt: Attempt, back: str) -> Person:
        """Return who approved the attempt; whatever token that takes is thrown away.

        Raises ProviderDenied, ProviderRefused, ProviderAnswered and ProviderUnavailable.
        """
        ...
