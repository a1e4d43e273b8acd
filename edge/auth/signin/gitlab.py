"""GitLab, or an own instance: an OAuth application of the operator's, with PKCE.

Owner (50) of a group is owner here; Maintainer (40) and Developer (30) are member; Reporter (20),
Planner (15) and Guest (10) are viewer. A Maintainer may change code and settings of projects, but
not who belongs to the group: that is what an owner is here. Subgroups count by their full path.
"""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

import msgspec
import structlog

from edge.auth.people import Person
from edge.auth.signin.attempt import Attempt
from edge.auth.signin.errors import ProviderAnswered, ProviderDenied, ProviderRefused
from edge.auth.signin.fetch import Fetched, fetch, pages
from edge.auth.signin.provider import Answer
from edge.auth.signin.roles import bounded
from schemas.errors import PushlineError
from schemas.people import Membership, Role

log = structlog.get_logger(__name__)

SCOPE: Final = "read_api"  # the least that lists groups
LEVELS: Final[dict[int, Role]] = {10: "viewer", 30: "member", 50: "owner"}  # from each on
WHO: Final = "GitLab"


class _Token(msgspec.Struct):
    access_token: str = ""
    refresh_token: str = ""
    error: str = ""


class _User(msgspec.Struct):
    id: int
    username: str
    state: str = "active"


class _Group(msgspec.Struct):
    full_path: str


@dataclass(frozen=True)
class GitLab:
    """Says who somebody is, by a token that it gets and gives back at once."""

    url: str
    client: str
    secret: str = field(repr=False)
    name: str = "gitlab"
    title: str = WHO

    async def authorize_url(self, attempt: Attempt, back: str) -> str:
        """Return the page where people approve."""
        asked = {
            "client_id": self.client,
            "redirect_uri": back,
            "response_type": "code",
            "scope": SCOPE,
            "state": attempt.state,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return f"{self.url}/oauth/authorize?{urlencode(asked)}"

    async def person(self, answer: Answer, attempt: Attempt, back: str) -> Person:
        """Return the user and the groups, all pages of all levels."""
        token = await self._token(answer, attempt, back)
        try:
            return await self._person(token.access_token)
        finally:
            for text in (token.refresh_token, token.access_token):
                await self._forget(text)

    async def _token(self, answer: Answer, attempt: Attempt, back: str) -> _Token:
        form = {
            "client_id": self.client,
            "client_secret": self.secret,
            "code": answer.code,
            "grant_type": "authorization_code",
            "redirect_uri": back,
            "code_verifier": attempt.verifier,
        }
        got = await fetch(WHO, "POST", f"{self.url}/oauth/token", form=form)
        token = got.read(_Token)
        if got.status == 200 and token.access_token:
            return token
        raise _refusal(token.error)

    async def _person(self, token: str) -> Person:
        headers = {"Authorization": f"Bearer {token}"}
        api = f"{self.url}/api/v4"
        user = _good(await fetch(WHO, "GET", f"{api}/user", headers=headers)).read(_User)
        if user.state != "active":
            raise ProviderDenied(
                f"your GitLab account is {user.state}", hint="ask GitLab's administrator"
            )
        found = [Membership("gitlab", user.username.lower(), "owner")]
        for level, role in LEVELS.items():
            url = f"{api}/groups?min_access_level={level}&per_page=100"
            async for page in pages(WHO, url, headers):
                groups = _good(page).read(list[_Group])
                found += [Membership("gitlab", one.full_path.lower(), role) for one in groups]
        return Person(f"gitlab:{user.id}", f"gitlab:{user.username}", bounded(found))

    async def _forget(self, token: str) -> None:
        """Give a token back before its time."""
        if not token:
            return
        form = {"client_id": self.client, "client_secret": self.secret, "token": token}
        try:
            got = await fetch(WHO, "POST", f"{self.url}/oauth/revoke", form=form)
        except PushlineError as error:
            log.warning("provider_token_kept", provider=self.name, code=error.code)
            return
        if got.status != 200:
            log.warning("provider_token_kept", provider=self.name, status=got.status)


def _good(page: Fetched) -> Fetched:
    if page.status == 200:
        return page
    raise ProviderAnswered(
        f"GitLab answered {page.status} to its own token",
        hint=f"its application needs the scope {SCOPE}",
    )


def _refusal(error: str) -> PushlineError:
    match error:
        case "invalid_grant":
            return ProviderDenied("GitLab does not know this code any more", hint="sign in again")
        case "invalid_client" | "unauthorized_client":
            return ProviderRefused(
                "GitLab does not accept this installation's secret",
                hint="its operator sets PUSHLINE_GITLAB_CLIENT_ID and _SECRET to those of the "
                "application, which has to be confidential",
            )
        case _:
            return ProviderAnswered("GitLab gave no token", hint="sign in again")
