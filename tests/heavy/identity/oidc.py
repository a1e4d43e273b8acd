"""A strict OpenID Connect issuer: discovery, code flow with PKCE and nonce, keys that rotate.

``lie`` makes its ID tokens bad in one way; each has to be refused.
"""

import base64
import time
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import unquote_plus

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.heavy.identity.authority import Authority, NotTaken, Ticket, bearer

Lie = Literal[
    "", "nonce", "audience", "issuer", "none", "shared", "expired", "kid", "party", "unsigned"
]


class PlayedIssuer(Authority):
    """Signs by RS256 or ES256; says groups in the token or in userinfo."""

    label = "Issuer"

    def __init__(self, algorithm: Literal["RS256", "ES256"] = "ES256") -> None:
        super().__init__()
        self.algorithm = algorithm
        self.keys: dict[str, Any] = {}
        self.lie: Lie = ""
        self.iss: str | None = ""  # parameter of RFC 9207; "": the right one, None: not sent
        self.userinfo_subject = ""  # "": the right one
        self.groups_in: Literal["token", "userinfo"] = "token"
        self.methods = ["client_secret_basic", "client_secret_post"]
        self.claims_to_be = ""  # another issuer
        self.rotate()

    def rotate(self) -> None:
        """Sign by a new key from now on; the ones before are gone."""
        rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        ec_key = ec.generate_private_key(ec.SECP256R1())
        self.keys = {f"key-{time.monotonic_ns()}": ec_key if self.algorithm == "ES256" else rsa_key}

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers."""
        return [
            web.get("/.well-known/openid-configuration", self.discovery),
            web.get("/jwks", self.jwks),
            web.get("/authorize", self.show),
            web.get("/approve", self.approved),
            web.post("/token", self.token),
            web.get("/userinfo", self.userinfo),
        ]

    def authorize(self, query: Mapping[str, str]) -> str:
        """Refuse what is no OpenID Connect request."""
        if query.get("response_type") != "code" or "openid" not in query.get("scope", "").split():
            raise NotTaken("this is no OpenID Connect request")
        if len(query.get("nonce", "")) < 32:
            self.fault("a nonce that can be guessed")
        return super().authorize(query)

    def also_said(self) -> dict[str, str]:
        """Return the issuer."""
        return {} if self.iss is None else {"iss": self.iss or self.url}

    async def discovery(self, _: web.Request) -> web.Response:
        """Return the metadata."""
        return web.json_response(
            {
                "issuer": self.claims_to_be or self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "scopes_supported": ["openid", "profile", "groups"],
                "id_token_signing_alg_values_supported": [self.algorithm],
                "token_endpoint_auth_methods_supported": self.methods,
                "authorization_response_iss_parameter_supported": self.iss is not None,
            }
        )

    async def jwks(self, _: web.Request) -> web.Response:
        """Return the public keys."""
        as_jwk = ECAlgorithm.to_jwk if self.algorithm == "ES256" else RSAAlgorithm.to_jwk
        return web.json_response(
            {
                "keys": [
                    {**as_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}
                    for kid, key in self.keys.items()
                ]
            }
        )

    async def token(self, request: web.Request) -> web.Response:
        """Exchange a code."""
        form = {str(name): str(value) for name, value in (await request.post()).items()}
        client = self.clients.get(self._authenticated(request, form))
        if client is None:
            return web.json_response({"error": "invalid_client"}, status=401)
        form["client_id"] = client.id
        if (ticket := self.redeemed(form)) is None:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response(
            {
                "access_token": self.issue(ticket),
                "token_type": "Bearer",
                "expires_in": 300,
                "id_token": self._id_token(ticket),
            }
        )

    async def userinfo(self, request: web.Request) -> web.Response:
        """Return what is said of whose token it is."""
        ticket = self.tokens.get(bearer(request))
        if ticket is None:
            raise web.HTTPUnauthorized
        account = self.accounts[ticket.login]
        subject = self.userinfo_subject or f"subject-{account.id}"
        return web.json_response({"sub": subject, "groups": list(account.groups)})

    def _authenticated(self, request: web.Request, form: dict[str, str]) -> str:
        """Return the client that proves itself in the one way that it may."""
        header = request.headers.get("Authorization", "")
        if header and "client_secret" in form:
            self.fault("a client proves itself in two ways")
        id, secret = form.get("client_id", ""), form.get("client_secret", "")
        if header:
            pair = base64.b64decode(header.removeprefix("Basic ")).decode()
            id, secret = (unquote_plus(part) for part in pair.split(":"))  # RFC 6749, 2.3.1
            allowed = "client_secret_basic" in self.methods
        else:
            allowed = "client_secret_post" in self.methods
        client = self.clients.get(id)
        return id if client is not None and client.secret == secret and allowed else ""

    def _id_token(self, ticket: Ticket) -> str:
        now, account = int(time.time()), self.accounts[ticket.login]
        kid, key = next(iter(self.keys.items()))
        claims: dict[str, Any] = {
            "iss": self.url,
            "sub": f"subject-{account.id}",
            "aud": ticket.client,
            "exp": now + 300,
            "iat": now,
            "nonce": ticket.nonce,
            "preferred_username": account.login,
        }
        if self.groups_in == "token":
            claims["groups"] = list(account.groups)
        lies: dict[str, dict[str, Any]] = {
            "nonce": {"nonce": "of another attempt"},
            "audience": {"aud": "another client"},
            "issuer": {"iss": "https://elsewhere.example"},
            "expired": {"exp": now - 120},
            "party": {"aud": [ticket.client, "another"], "azp": "another"},
        }
        claims |= lies.get(self.lie, {})
        head = {"kid": "unknown" if self.lie == "kid" else kid}
        if self.lie == "none":
            return jwt.encode(claims, "", algorithm="none", headers=head)
        if self.lie == "shared":  # signed by what everybody has
            return jwt.encode(claims, "x" * 64, algorithm="HS256", headers=head)
        token = jwt.encode(claims, key, algorithm=self.algorithm, headers=head)
        return token[:-20] + "A" * 20 if self.lie == "unsigned" else token
