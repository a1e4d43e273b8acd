"""A strict GitLab: OAuth applications by Doorkeeper's rules, users and groups."""

from collections.abc import Mapping

from aiohttp import web

from tests.heavy.identity.authority import Authority, NotTaken, Ticket, bearer, page_of

KNOWN = frozenset({"api", "read_api", "read_user", "openid", "profile", "email"})


class PlayedGitLab(Authority):
    """An account's groups are levels, 10 to 50, by full path; subgroups inherit them."""

    label = "GitLab"

    def __init__(self) -> None:
        super().__init__()
        self.subgroups: list[str] = []  # full paths
        self.blocked: set[str] = set()  # logins
        self.elsewhere = ""  # an origin that links of lists lead to

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers."""
        return [
            web.get("/oauth/authorize", self.show),
            web.get("/approve", self.approved),
            web.post("/oauth/token", self.token),
            web.post("/oauth/revoke", self.forget),
            web.get("/api/v4/user", self.user),
            web.get("/api/v4/groups", self.groups),
        ]

    def authorize(self, query: Mapping[str, str]) -> str:
        """Refuse what Doorkeeper does."""
        if query.get("response_type") != "code":
            raise NotTaken("unsupported_response_type")
        if not frozenset(query.get("scope", "").split()) <= KNOWN:
            raise NotTaken("invalid_scope")
        return super().authorize(query)

    async def token(self, request: web.Request) -> web.Response:
        """Exchange a code."""
        form = {str(name): str(value) for name, value in (await request.post()).items()}
        if request.query:
            self.fault("secrets in a URL")
        if not self._client(form):
            return web.json_response({"error": "invalid_client"}, status=401)
        if form.get("grant_type") != "authorization_code":
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        if (ticket := self.redeemed(form)) is None:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response(
            {
                "access_token": self.issue(ticket),
                "refresh_token": self.issue(ticket),
                "token_type": "Bearer",
                "expires_in": 7200,
                "scope": " ".join(sorted(ticket.scopes)),
                "created_at": 1,
            }
        )

    async def forget(self, request: web.Request) -> web.Response:
        """Revoke a token (RFC 7009)."""
        form = {str(name): str(value) for name, value in (await request.post()).items()}
        if not self._client(form):
            return web.json_response({"error": "unauthorized_client"}, status=403)
        if self.tokens.pop(form["token"], None) is not None:
            self.gone.append(form["token"])
        return web.json_response({})

    async def user(self, request: web.Request) -> web.Response:
        """Return whose token it is."""
        account = self.accounts[self._asking(request, "read_user").login]
        state = "blocked" if account.login in self.blocked else "active"
        return web.json_response({"id": account.id, "username": account.login, "state": state})

    async def groups(self, request: web.Request) -> web.Response:
        """Return groups where the user has at least a level, with all below them."""
        ticket = self._asking(request, "read_api")
        least = int(request.query.get("min_access_level", "0"))
        levels = self.accounts[ticket.login].groups.items()
        own = [name for name, level in levels if int(level) >= least]
        below = [sub for sub in self.subgroups if any(sub.startswith(f"{name}/") for name in own)]
        rows: list[dict[str, object]] = [
            {"id": number, "path": path.rpartition("/")[2], "full_path": path}
            for number, path in enumerate(dict.fromkeys([*own, *below]))
        ]
        answer = page_of(request, rows)
        if self.elsewhere and "Link" in answer.headers:
            answer.headers["Link"] = answer.headers["Link"].replace(self.url, self.elsewhere)
        return answer

    def _client(self, form: dict[str, str]) -> bool:
        client = self.clients.get(form.get("client_id", ""))
        return client is not None and client.secret == form.get("client_secret")

    def _asking(self, request: web.Request, scope: str) -> Ticket:
        ticket = self.tokens.get(bearer(request))
        if ticket is None:
            raise web.HTTPUnauthorized(text='{"message": "401 Unauthorized"}')
        if not ticket.scopes & {scope, "read_api", "api"}:
            raise web.HTTPForbidden(text='{"error": "insufficient_scope"}')
        return ticket
