"""Any OpenID Connect issuer: code flow with PKCE and nonce, found by discovery.

Who somebody is, is the subject; what they call themselves is theirs to choose. Groups come from a
claim of the token, or of userinfo, see ``roles.of_groups``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec
import structlog

from edge.auth.labels import Tenant
from edge.auth.people import Person
from edge.auth.signin.attempt import Attempt
from edge.auth.signin.discovery import Discovery, Issuer
from edge.auth.signin.errors import ProviderAnswered, ProviderDenied, ProviderRefused
from edge.auth.signin.fetch import basic, fetch
from edge.auth.signin.idtoken import verified
from edge.auth.signin.provider import Answer
from edge.auth.signin.roles import of_groups
from schemas.errors import PushlineError

log = structlog.get_logger(__name__)

_NAME: Final = re.compile(r"[A-Za-z0-9._@+-]{1,64}")
_SUBJECT: Final = re.compile(r"[!-~]{1,255}")
_WANTED: Final = ("profile", "groups")  # scopes, of an issuer that has them


class _Token(msgspec.Struct):
    access_token: str = ""
    id_token: str = ""
    error: str = ""


@dataclass(frozen=True)
class OpenId:
    """Says who somebody is, by a token that the issuer signed."""

    discovery: Discovery
    client: str
    secret: str = field(repr=False)
    title: str
    groups: str  # the claim
    tenant_of: Callable[[str], Tenant | None]  # by label
    name: str = "oidc"

    async def authorize_url(self, attempt: Attempt, back: str) -> str:
        """Return the page where people approve."""
        issuer = await self.discovery.found()
        scopes = ["openid", *(one for one in _WANTED if one in issuer.scopes_supported)]
        asked = {
            "client_id": self.client,
            "redirect_uri": back,
            "response_type": "code",
            "scope": " ".join(scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        mark = "&" if urlsplit(issuer.authorization_endpoint).query else "?"
        return f"{issuer.authorization_endpoint}{mark}{urlencode(asked)}"

    async def person(self, answer: Answer, attempt: Attempt, back: str) -> Person:
        """Return the subject and the groups."""
        issuer = await self.discovery.found()
        self._same_issuer(answer, issuer)
        token = await self._token(issuer, answer, attempt, back)
        claims = await verified(
            token.id_token, self.discovery, client=self.client, nonce=attempt.nonce
        )
        subject = claims["sub"]
        if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
            raise ProviderAnswered("the token's subject is none that can be kept")
        if issuer.userinfo_endpoint and self.groups not in claims:
            claims = {**await self._userinfo(issuer, token, subject), **claims}
        groups = claims.get(self.groups)
        if groups is None and "_claim_names" in claims:
            log.warning("groups_elsewhere", issuer=self.discovery.issuer)  # too many for a token
        chosen = claims.get("preferred_username")
        login = chosen if isinstance(chosen, str) and _NAME.fullmatch(chosen) else subject
        found = of_groups(groups if isinstance(groups, list) else (), self.tenant_of)
        return Person(f"oidc:{subject}", f"oidc:{login}", found)

    def _same_issuer(self, answer: Answer, issuer: Issuer) -> None:
        """Raise ProviderAnswered where another issuer sent the browser back (RFC 9207)."""
        silent = not answer.issuer and not issuer.authorization_response_iss_parameter_supported
        if not silent and answer.issuer != self.discovery.issuer:
            raise ProviderAnswered(
                "the answer does not come from the issuer that was asked", hint="sign in again"
            )

    async def _token(self, issuer: Issuer, answer: Answer, attempt: Attempt, back: str) -> _Token:
        form = {
            "grant_type": "authorization_code",
            "code": answer.code,
            "redirect_uri": back,
            "code_verifier": attempt.verifier,
        }
        headers: dict[str, str] = {}
        methods = issuer.token_endpoint_auth_methods_supported
        if self.secret and "client_secret_basic" in methods:
            headers = basic(quote_plus(self.client), quote_plus(self.secret))  # RFC 6749, 2.3.1
        elif self.secret:
            form |= {"client_id": self.client, "client_secret": self.secret}
        else:
            form |= {"client_id": self.client}
        got = await fetch(self.title, "POST", issuer.token_endpoint, headers=headers, form=form)
        token = got.read(_Token)
        if got.status == 200 and token.id_token:
            return token
        raise _refusal(self.title, token.error)

    async def _userinfo(self, issuer: Issuer, token: _Token, subject: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token.access_token}"}
        got = await fetch(self.title, "GET", issuer.userinfo_endpoint, headers=headers)
        if got.status != 200:
            raise ProviderAnswered(f"{self.title} answered {got.status} to its own token")
        said = got.read(dict[str, Any])
        if said.get("sub") != subject:  # or anybody's token would do (OpenID Connect, 5.3.2)
            raise ProviderAnswered(f"{self.title} told of somebody else")
        return said


def _refusal(title: str, error: str) -> PushlineError:
    match error:
        case "invalid_grant":
            return ProviderDenied(f"{title} does not know this code any more", hint="sign in again")
        case "invalid_client" | "unauthorized_client":
            return ProviderRefused(
                f"{title} does not accept this installation's secret",
                hint="its operator sets PUSHLINE_OIDC_CLIENT_ID and _SECRET to the client's",
            )
        case _:
            return ProviderAnswered(f"{title} gave no token", hint="sign in again")
