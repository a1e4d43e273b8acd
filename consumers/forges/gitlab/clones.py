"""Clones of a GitLab's private projects: the token that asks its API opens them, too.

https://docs.gitlab.com/user/profile/personal_access_tokens/#clone-repository-using-personal-access-token
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from aiohttp import encode_basic_auth

from consumers.forges.asking import ForgeRefused
from consumers.forges.clones import is_below
from schemas.repository import Repository

USER: Final = "oauth2"  # which GitLab takes for a token of any kind


class GitLabClones:
    """One GitLab and our token there."""

    def __init__(self, url: str, token: str) -> None:
        """Open what lies below ``url``."""
        self._url = urlsplit(url)
        self._headers = {"Authorization": encode_basic_auth(USER, token)}

    def __repr__(self) -> str:
        """Return what may be shown."""
        return f"GitLabClones({self._url.geturl()!r})"

    async def headers(
        self,
        project: str,  # noqa: ARG002 - the port asks of all forges alike
        repository: Repository,
    ) -> Mapping[str, str]:
        """Return the credentials; raises ForgeRefused for what is not that project of GitLab's.

        Webhooks may share a token: nobody has code of his own run as another's project.
        """
        own, url = self._url.geturl(), repository.clone_url
        path = f"{self._url.path.rstrip('/')}/{repository.full_name}.git"
        if is_below(url, own) and urlsplit(url).path == path:
            return self._headers
        raise ForgeRefused(
            f"the push is of {repository.full_name}, and its clone URL is not that of {own}",
            hint="set PUSHLINE_GITLAB_URL to the address that GitLab gives itself (external_url)",
        )
