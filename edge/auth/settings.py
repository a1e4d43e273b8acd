"""Settings of auth; ``edge/cli`` fills them. Nothing in them is a secret."""

from typing import Final, Literal

import msgspec

from schemas.ids import digest_of

PLAIN_COOKIE: Final = "pushline"
HOST_COOKIE: Final = "__Host-pushline"  # a browser takes it from that very host alone, on https


class AuthSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What router and platform know of an installation, to tell who asks."""

    root_domain: str = "localhost"
    scheme: Literal["http", "https"] = "http"  # as people write it
    operators: tuple[str, ...] = ()
    session_hours: int = 12
    protected_hosts: tuple[str, ...] = ()  # of the operator's own programs, which proxies ask for
    token_digest: str = ""  # of the one token that `up` prints; "": there is none

    @property
    def issuer(self) -> str:
        """Return the name of the installation, in what it signs."""
        return f"{self.scheme}://{self.system_host}"

    @property
    def system_host(self) -> str:
        """Return the host of the platform's own pages."""
        return f"system.{self.root_domain}"

    @property
    def cookie(self) -> str:
        """Return the name of our cookie; each host has its own."""
        return HOST_COOKIE if self.scheme == "https" else PLAIN_COOKIE


def digest(text: str) -> str:
    """Return what is kept of a token, "" for none."""
    return digest_of(text.encode()) if text else ""
