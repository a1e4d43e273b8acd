"""Who may come in: tokens, scopes, roles, limits, conditional requests and the weather.

https://docs.gitlab.com/api/rest/ and https://docs.gitlab.com/api/rest/authentication/
"""

import hashlib
import json
import math
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from aiohttp import web

from tests.heavy.forges.gitlab.state import GUEST, Project, State, Token, User

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
API = "/api/v4"
ON_ITS_WAY = 1.0  # seconds in which requests may come that were sent before we said no
USER: web.RequestKey[int] = web.RequestKey("user", int)
LIMITS: web.RequestKey[dict[str, str]] = web.RequestKey("limits", dict)


class Said(Exception):
    """The answer is this error, in one of GitLab's two shapes."""

    def __init__(self, status: int, message: object, **more: object) -> None:
        super().__init__(str(message))
        self.status = status
        self.body = more or {"message": message}


class Doors:
    """The middleware of the API."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.calls: list[str] = []  # method and path of each request
        self.down = 0  # status of every answer, in HTML
        self.bad_weather = 0.0  # share of requests that a 5xx befalls, or a cut connection
        self.limit = 0  # requests a minute of one user, 0: not limited
        self.unchanged = 0  # answers 304
        self._minutes: dict[int, tuple[int, int]] = {}  # user -> (minute, requests)
        self.silent: dict[int, tuple[float, float]] = {}  # who was told to wait: since, until

    @web.middleware
    async def watched(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer one request."""
        self.calls.append(f"{request.method} {request.path.removeprefix(API)}")
        if self.down:
            return web.Response(
                status=self.down, text="<h1>Whoops, GitLab is down</h1>", content_type="text/html"
            )
        if not request.path.startswith(f"{API}/"):
            return await handler(request)
        weather = self._weather()
        if weather == "before":
            return web.Response(status=502, text="<h1>502</h1>", content_type="text/html")
        answer = await self._answer(request, handler)
        if weather:  # nobody heard what was said
            self.silent.pop(request.get(USER, 0), None)
        if weather == "cut" and request.transport is not None:
            request.transport.abort()
        return web.Response(status=503) if weather == "after" else answer

    def _weather(self) -> str:
        """Return when a 5xx befalls a request, or its connection ends: before or after it did."""
        random = self.state.random
        if random.random() >= self.bad_weather:
            return ""
        return random.choice(("before", "after", "cut"))

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        answer: web.StreamResponse
        try:
            answer = self._conditional(request, await handler(request))
        except Said as said:
            answer = web.json_response(said.body, status=said.status)
            if said.status == 429:  # of what stands before the API
                answer = web.Response(status=429, text="Retry later\n")
        except web.HTTPNotFound:
            self.state.complain(f"no such endpoint: {request.method} {request.path}")
            answer = web.json_response({"error": "404 Not Found"}, status=404)
        for name, value in request.get(LIMITS, {}).items():
            answer.headers[name] = value
        return answer

    def _conditional(self, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
        if request.method != "GET" or answer.status != 200 or not isinstance(answer, web.Response):
            return answer
        assert isinstance(answer.body, bytes)
        etag = f'W/"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
        if request.headers.get("If-None-Match") == etag:
            self.unchanged += 1
            kept = {name: answer.headers[name] for name in ("Link",) if name in answer.headers}
            answer = web.Response(status=304, headers=kept)
        answer.headers["ETag"] = etag
        return answer

    def enter(self, request: web.Request, *scopes: str) -> User:
        """Return who asks; one of the scopes is needed, ``api`` opens everything."""
        text = request.headers.get("PRIVATE-TOKEN", "")
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        text = text or (bearer if scheme.lower() == "bearer" else "")
        if "private_token" in request.query or "access_token" in request.query:
            self.state.complain("a token in a URL")
        token = self.token_of(text)
        if token is None:
            raise Said(401, "401 Unauthorized")
        request[USER] = token.user.id
        self._count(request, token.user)
        needed = {"api", *scopes} | ({"read_api"} if request.method == "GET" else set())
        if not token.scopes & needed:
            raise Said(
                403,
                "",
                error="insufficient_scope",
                error_description="The request requires higher privileges than provided by the "
                "access token.",
                scope=" ".join(sorted(needed)),
            )
        return token.user

    def token_of(self, text: str) -> Token | None:
        """Return a token that is good now."""
        token = self.state.tokens.get(text)
        if token is None or token.user.state != "active":
            return None
        over = token.until is not None and token.until <= self.state.clock()
        return None if over else token

    def project(self, request: web.Request, level: int = 0, *scopes: str) -> Project:
        """Return the request's project; what is closed to the asker is not there."""
        user = self.enter(request, *scopes)
        project = self.state.find(request.match_info["id"])
        if project is None or not self.sees(user, project):
            raise Said(404, "404 Project Not Found")
        if self.state.level(user, project) < level:
            raise Said(403, "403 Forbidden")
        return project

    def sees(self, user: User | None, project: Project) -> bool:
        """Tell whether somebody, or anybody, may see a project."""
        if project.visibility == "public" or (user and project.visibility == "internal"):
            return True
        return user is not None and self.state.level(user, project) >= GUEST

    def _count(self, request: web.Request, user: User) -> None:
        now = self.state.clock()
        since, until = self.silent.get(user.id, (0.0, 0.0))
        if since + ON_ITS_WAY <= now < until:
            self.state.complain(f"{request.method} {request.path} while told to wait")
        if not self.limit:
            return
        minute, count = int(now // 60), 0
        if self._minutes.get(user.id, (0, 0))[0] == minute:
            count = self._minutes[user.id][1]
        self._minutes[user.id] = (minute, count + 1)
        reset = (minute + 1) * 60
        limits = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Name": "throttle_authenticated_api",
            "RateLimit-Observed": str(count + 1),
            "RateLimit-Remaining": str(max(0, self.limit - count - 1)),
            "RateLimit-Reset": str(reset),
        }
        request[LIMITS] = limits
        if count >= self.limit:
            self.silent[user.id] = (since if now < until else now), reset
            limits["Retry-After"] = str(math.ceil(reset - now))
            raise Said(429, "Retry later")


async def said_of(request: web.Request) -> dict[str, Any]:
    """Return what a request says: JSON, or the query."""
    if not request.can_read_body:
        return dict(request.query)
    try:
        body = await request.json()
    except json.JSONDecodeError:
        raise Said(400, "", error="The request body is not valid JSON") from None
    if not isinstance(body, dict):
        raise Said(400, "", error="The request body has to be an object")
    return {**request.query, **body}
