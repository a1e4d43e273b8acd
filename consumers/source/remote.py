"""Where a forge hands out a repository, and with what credentials."""

import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from consumers.forges.asking import ForgeRefused
from consumers.forges.clones import Clones
from consumers.source.limits import refused
from schemas.envelope import Aggregate
from schemas.repository import Repository


class Remote(msgspec.Struct, frozen=True):
    """A repository by smart HTTP; its headers go to this origin only."""

    url: str  # without /info/refs
    headers: dict[str, str] = {}
    socket: Path | None = None  # the Unix socket that answers in the host's place

    def __repr__(self) -> str:
        """Show no credentials."""
        return f"Remote({self.url!r})"


# A port: (whatever is of the project, repository) → where to fetch. It may ask the forge for a
# token first.
Remotes = Callable[[Aggregate, Repository], Awaitable[Remote]]


@dataclass(frozen=True, slots=True)
class ForgeRemotes:
    """Our own forge at ``local()``, with the token; every other by its clone URL.

    ``clones`` opens what is private, by forge; without one only public repositories are had.
    """

    local: Callable[[], str]  # http://127.0.0.1:PORT/git; the port is known late
    token: Callable[[], str]
    socket: Path | None = None
    clones: Mapping[str, Clones] = field(default_factory=dict)

    async def __call__(self, of: Aggregate, repository: Repository) -> Remote:
        """Return where ``repository`` is fetched; raises Refused, ForgeUnavailable."""
        if of.forge == "local":
            owner, name = quote(repository.owner, safe=""), quote(repository.name, safe="")
            url = f"{self.local().rstrip('/')}/{owner}/{name}.git"
            return Remote(url, basic("pushline", self.token()), self.socket)
        url, clones = cleaned(repository.clone_url), self.clones.get(of.forge)
        if clones is None:
            return Remote(url)
        try:
            return Remote(url, dict(await clones.headers(of.project, repository)))
        except ForgeRefused as error:
            raise refused("source_refused", error.message, error.hint) from error


def basic(user: str, password: str) -> dict[str, str]:
    """Return the header of HTTP Basic authentication."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def cleaned(url: str) -> str:
    """Return an http(s) URL without credentials, query and fragment; refuse any other."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        message = f"{url!r} is not an http(s) URL to clone from"
        raise refused("source_refused", message)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
