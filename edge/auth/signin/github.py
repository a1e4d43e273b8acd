"""GitHub, or an Enterprise server: an OAuth app of the operator's, with PKCE.

The role admin of an organisation is owner here, member is member; of their own account people are
owner.
"""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

import msgspec
import structlog

from edge.auth.people import Person
from edge.auth.signin.attempt import Attempt
from edge.auth.signin.errors import ProviderAnswered, ProviderDenied, ProviderRefused
from edge.auth.signin.fetch import Fetched, basic, fetch, pages
from edge.auth.signin.provider import Answer
from edge.auth.signin.roles import bounded
from schemas.errors import PushlineError
from schemas.people import Membership, Role

log = structlog.get_logger(__name__)

PUBLIC: Final = "https://github.com"
SCOPE: Final = "read:org"
ROLES: Final[dict[str, Role]] = {"admin": "owner", "member": "member"}
WHO: Final = "GitHub"


class _Token(msgspec.Struct):
    access_token: str = ""
    scope: str = ""
    error: str = ""


class _User(msgspec.Struct):
    id: int
    login: str


class _Organisation(msgspec.Struct):
    login: str


class _Member(msgspec.Struct):
    state: str
    role: str
    organization: _Organisation


@dataclass(frozen=True)
class GitHub:
    """Says who somebody is, by a token that it gets and gives back at once."""

    url: str
    client: str
    secret: str = field(repr=False)
    name: str = "github"
    title: str = WHO

    @property
    def api(self) -> str:
        """Return the REST API's address."""
        return "https://api.github.com" if self.url == PUBLIC else f"{self.url}/api/v3"

    async def authorize_url(self, attempt: Attempt, back: str) -> str:
        """Return the page where people approve."""
        asked = {
            "client_id": self.client,
            "redirect_uri": back,
            "scope": SCOPE,
            "state": attempt.state,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return f"{self.url}/login/oauth/authorize?{urlencode(asked)}"

    async def person(self, answer: Answer, attempt: Attempt, back: str) -> Person:
        """Return the user and the organisations, those that let this app see them."""
        token = await self._token(answer, attempt, back)
        try:
            return await self._person(token)
        finally:
            await self._forget(token)

    async def _token(self, answer: Answer, attempt: Attempt, back: str) -> str:
        form = {
            "client_id": self.client,
            "client_secret": self.secret,
            "code": answer.code,
            "redirect_uri": back,
            "code_verifier": attempt.verifier,
        }
        got = await fetch(WHO, "POST", f"{self.url}/login/oauth/access_token", form=form)
        token = got.read(_Token)  # an error comes with 200
        if token.access_token:
            if SCOPE not in token.scope.replace(",", " ").split():
                await self._forget(token.access_token)
                raise ProviderDenied(
                    f"GitHub gave no right to see your organisations ({SCOPE})",
                    hint="sign in again, and approve it",
                )
            return token.access_token
        raise _refusal(token.error, back)

    async def _person(self, token: str) -> Person:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        user = _good(await fetch(WHO, "GET", f"{self.api}/user", headers=headers)).read(_User)
        found = [Membership("github", user.login.lower(), "owner")]
        async for page in pages(
            WHO, f"{self.api}/user/memberships/orgs?state=active&per_page=100", headers
        ):
            found += _memberships(_good(page).read(list[_Member]))
        return Person(f"github:{user.id}", f"github:{user.login}", bounded(found))

    async def _forget(self, token: str) -> None:
        """Give the token back: it would live until its user takes it away."""
        headers = basic(self.client, self.secret)
        url = f"{self.api}/applications/{self.client}/token"
        body = {"access_token": token}
        try:
            got = await fetch(WHO, "DELETE", url, headers=headers, json=body)
        except PushlineError as error:
            log.warning("provider_token_kept", provider=self.name, code=error.code)
            return
        if got.status != 204:
            log.warning("provider_token_kept", provider=self.name, status=got.status)


def _memberships(rows: list[_Member]) -> list[Membership]:
    """Return the roles that we know; whoever only pays for an organisation is nothing here."""
    return [
        Membership("github", row.organization.login.lower(), ROLES[row.role])
        for row in rows
        if row.state == "active" and row.role in ROLES
    ]


def _good(page: Fetched) -> Fetched:
    if page.status == 200:
        return page
    raise ProviderAnswered(
        f"GitHub answered {page.status} to its own token", hint="sign in again in a moment"
    )


def _refusal(error: str, back: str) -> PushlineError:
    match error:
        case "bad_verification_code":
            return ProviderDenied("GitHub does not know this code any more", hint="sign in again")
        case "incorrect_client_credentials":
            return ProviderRefused(
                "GitHub does not accept this installation's secret",
                hint="its operator sets PUSHLINE_GITHUB_CLIENT_ID and _SECRET to those of the app",
            )
        case "redirect_uri_mismatch":
            return ProviderRefused(
                "GitHub's app has another callback address",
                hint=f"its operator sets that to {back}",
            )
        case "unverified_user_email":
            return ProviderDenied(
                "your GitHub account has no verified address", hint="verify it, then sign in again"
            )
        case _:
            return ProviderAnswered("GitHub gave no token", hint="sign in again")
