"""The port to whatever opens a forge's private repositories for a clone."""

from collections.abc import Mapping
from typing import Final, Protocol
from urllib.parse import SplitResult, urlsplit

from schemas.repository import Repository

PORTS: Final = {"http": 80, "https": 443}


class Clones(Protocol):
    """Gives credentials for git's smart HTTP; shared between tasks."""

    async def headers(self, project: str, repository: Repository) -> Mapping[str, str]:
        """Return what opens a repository at its clone URL; nothing for a URL of somebody else.

        ``project`` is the forge's own id of it, which stays, whatever it is called.

        Raises ForgeUnavailable and ForgeRefused where the forge has to be asked first.
        """
        ...


def is_below(url: str, forge: str) -> bool:
    """Tell whether a clone URL is the forge's own: no other host gets to see credentials."""
    asked, ours = urlsplit(url), urlsplit(forge)
    return _origin(asked) == _origin(ours) and asked.path.startswith(ours.path.rstrip("/") + "/")


def _origin(url: SplitResult) -> tuple[str, str, int | None]:
    return url.scheme, url.hostname or "", url.port or PORTS.get(url.scheme)
