"""Clones of a GitLab's private projects: the token that asks its API opens them, too.

https://docs.gitlab.com/user/profile/personal_access_tokens/#clone-repository-using-personal-access-token
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

from aiohttp import encode_basic_auth

from schemas.repository import Repository

USER: Final = "oauth2"  # which GitLab takes for a token of any kind
PORTS: Final = {"http": 80, "https": 443}


class GitLabClones:
    """One GitLab and our token there."""

    def __init__(self, url: str, token: str) -> None:
        """Open what lies below ``url``."""
        self._url = urlsplit(url)
        self._folder = self._url.path.rstrip("/") + "/"
        self._headers = {"Authorization": encode_basic_auth(USER, token)}

    def __repr__(self) -> str:
        """Return what may be shown."""
        return f"GitLabClones({self._url.geturl()!r})"

    async def headers(self, repository: Repository) -> Mapping[str, str]:
        """Return the credentials; a payload that names another host does not get them."""
        url = urlsplit(repository.clone_url)
        ours = _origin(url) == _origin(self._url) and url.path.startswith(self._folder)
        return self._headers if ours else {}


def _origin(url: SplitResult) -> tuple[str, str, int | None]:
    return url.scheme, url.hostname or "", url.port or PORTS.get(url.scheme)
