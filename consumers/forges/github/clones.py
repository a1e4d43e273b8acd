"""Clones of a GitHub's private repositories: each with a token for that very repository.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
"""

from collections.abc import Mapping
from typing import Final

from aiohttp import encode_basic_auth

from consumers.forges.clones import is_below
from consumers.forges.github.api import Api
from schemas.repository import Repository

USER: Final = "x-access-token"
READ: Final = {"contents": "read"}


class GitHubClones:
    """Asks for a token for one repository, that reads and does nothing else."""

    def __init__(self, api: Api) -> None:
        """Ask as the App."""
        self._api = api

    async def headers(self, project: str, repository: Repository) -> Mapping[str, str]:
        """Return what opens a repository; raises ForgeUnavailable, ForgeRefused."""
        ours = is_below(repository.clone_url, self._api.app.url)
        if not repository.installation or not ours:
            return {}
        token = await self._api.token(repository.installation, (int(project),), READ)
        return {"Authorization": encode_basic_auth(USER, token)}
