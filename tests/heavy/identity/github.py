"""A strict GitHub (as an Enterprise server): OAuth apps, and the few calls that sign-in makes."""

import base64
from urllib.parse import urlencode

from aiohttp import web

from tests.heavy.identity.authority import Authority, Ticket, bearer, page_of


class PlayedGitHub(Authority):
    """Errors of the token endpoint come with 200; the answer is a form unless JSON is wanted."""

    label = "GitHub"

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers."""
        return [
            web.get("/login/oauth/authorize", self.show),
            web.get("/approve", self.approved),
            web.post("/login/oauth/access_token", self.token),
            web.get("/api/v3/user", self.user),
            web.get("/api/v3/user/memberships/orgs", self.memberships),
            web.delete("/api/v3/applications/{client}/token", self.forget),
        ]

    async def token(self, request: web.Request) -> web.Response:
        """Exchange a code."""
        form = {str(name): str(value) for name, value in (await request.post()).items()}
        if "client_secret" in request.query or "code" in request.query:
            self.fault("secrets in a URL")
        client = self.clients.get(form.get("client_id", ""))
        said: dict[str, str]
        if client is None or client.secret != form.get("client_secret"):
            said = _error("incorrect_client_credentials")
        elif form.get("redirect_uri", "") not in client.redirects:
            said = _error("redirect_uri_mismatch")
        elif (ticket := self.redeemed(form)) is None:
            said = _error("bad_verification_code")
        else:
            scopes = ",".join(sorted(ticket.scopes))
            said = {"access_token": self.issue(ticket), "scope": scopes, "token_type": "bearer"}
        if "application/json" in request.headers.get("Accept", ""):
            return web.json_response(said)
        form_type = "application/x-www-form-urlencoded"
        return web.Response(text=urlencode(said), content_type=form_type)

    async def user(self, request: web.Request) -> web.Response:
        """Return whose token it is."""
        ticket = self._asking(request)
        account = self.accounts[ticket.login]
        return web.json_response(
            {"id": account.id, "login": account.login, "type": "User", "email": None},
            headers={"X-OAuth-Scopes": ", ".join(sorted(ticket.scopes))},
        )

    async def memberships(self, request: web.Request) -> web.Response:
        """Return the memberships, 30 a page unless more are asked for."""
        ticket = self._asking(request)
        if not ticket.scopes & {"read:org", "admin:org", "user"}:
            raise web.HTTPForbidden(text='{"message": "You need at least read:org scope"}')
        state = request.query.get("state", "")
        rows: list[dict[str, object]] = [
            {
                "state": "pending" if role == "pending" else "active",
                "role": "member" if role == "pending" else role,
                "organization": {"login": name, "id": number},
            }
            for number, (name, role) in enumerate(self.accounts[ticket.login].groups.items())
        ]
        return page_of(request, [row for row in rows if not state or row["state"] == state])

    async def forget(self, request: web.Request) -> web.Response:
        """Revoke a token, for the app that it was issued to."""
        client = self.clients.get(request.match_info["client"])
        pair = "" if client is None else f"{client.id}:{client.secret}"
        basic = "Basic " + base64.b64encode(pair.encode()).decode()
        if client is None or request.headers.get("Authorization") != basic:
            raise web.HTTPNotFound
        token = (await request.json())["access_token"]
        if self.tokens.pop(token, None) is None:
            raise web.HTTPUnprocessableEntity
        self.gone.append(token)
        return web.Response(status=204)

    def _asking(self, request: web.Request) -> Ticket:
        if not request.headers.get("User-Agent"):
            raise web.HTTPForbidden(text="Request forbidden by administrative rules")
        ticket = self.tokens.get(bearer(request))
        if ticket is None:
            raise web.HTTPUnauthorized(text='{"message": "Bad credentials"}')
        return ticket


def _error(code: str) -> dict[str, str]:
    return {"error": code, "error_description": "see error_uri", "error_uri": "/apps/trouble"}
