"""Who may come in: proofs, permissions, limits, conditional requests and the weather.

https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

import hashlib
import json
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, NamedTuple, NoReturn

import jwt
from aiohttp import web

from tests.heavy.forges.github.state import LEVELS, Grant, key
from tests.heavy.forges.github.world import Repository, World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
WHO: web.RequestKey[str] = web.RequestKey("who", str)  # the installation, "": the App
COUNTED: web.RequestKey[bool] = web.RequestKey("counted", bool)
DOCS = "https://docs.github.com/rest"
ON_ITS_WAY = 1.0  # seconds in which requests may come that were sent before we said no
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes."


class Said(Exception):
    """The answer is this error."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass
class Window:
    """Where an installation stands with its hourly limit."""

    left: int
    reset: float


class Silence(NamedTuple):
    """Between these moments nobody is to ask; what was on its way by then is not blamed."""

    since: float
    until: float

    def broken(self, now: float) -> bool:
        """Tell whether somebody who was told asks all the same."""
        return self.since + ON_ITS_WAY <= now < self.until


NEVER = Silence(0.0, 0.0)


class Doors:
    """The middleware of the API."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.hourly = 5000
        self.windows: dict[str, Window] = {}
        self.refuse: list[Said] = []  # answered to the next requests, in order
        self.silent: dict[str, Silence] = {}  # who was told to wait
        self.writing: dict[str, int] = {}
        self.bad_weather = 0.0  # share of requests that a 5xx befalls
        self.down = 0  # status of every answer
        self.calls: list[str] = []
        self.unchanged = 0  # answers 304

    @web.middleware
    async def watched(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer one request."""
        self.calls.append(f"{request.method} {request.path.removeprefix('/api/v3')}")
        if self.down:
            return web.Response(status=self.down, text="<h1>Unicorn!</h1>")
        if not request.path.startswith("/api/v3"):
            return await handler(request)
        weather = self.world.random.random() < self.bad_weather
        if weather and self.world.random.random() < 0.5:
            return web.Response(status=502, text="<h1>502</h1>")  # before anything was done
        try:
            answer = await self._inside(request, handler)
        except Said as said:
            answer = web.json_response(
                {"message": said.message, "documentation_url": DOCS},
                status=said.status,
                headers=said.headers,
            )
        self._headed(request, answer)
        if weather:  # the other half: it was done, and nobody heard what was said
            self.silent.pop(request.get(WHO, ""), None)
            return web.Response(status=503)
        return answer

    async def _inside(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.headers.get("User-Agent"):
            raise Said(403, "Request forbidden by administrative rules. Name your User-Agent.")
        if request.headers.get("X-GitHub-Api-Version") != "2022-11-28":
            self.world.complain("no version of the API is named")
        answer = await handler(request)
        if request.method == "GET" and answer.status == 200:
            assert isinstance(answer, web.Response)
            return self._conditional(request, answer)
        return answer

    def _conditional(self, request: web.Request, answer: web.Response) -> web.Response:
        body = answer.body
        assert isinstance(body, bytes)
        etag = f'W/"{hashlib.sha256(body).hexdigest()}"'
        if request.headers.get("If-None-Match") == etag:
            self.unchanged += 1
            links = {"Link": answer.headers["Link"]} if "Link" in answer.headers else {}
            answer = web.Response(status=304, headers=links)
        answer.headers["ETag"] = etag
        return answer

    def _headed(self, request: web.Request, answer: web.StreamResponse) -> None:
        now, who = self.world.clock(), request.get(WHO, "")
        answer.headers["Date"] = formatdate(now, usegmt=True)
        if request.get(WHO) is None:
            return
        window = self._window(who)
        if answer.status != 304 and request.get(COUNTED):
            window.left = max(0, window.left - 1)
        answer.headers["X-RateLimit-Limit"] = str(self.hourly)
        answer.headers["X-RateLimit-Remaining"] = str(window.left)
        answer.headers["X-RateLimit-Reset"] = str(math.ceil(window.reset))
        if "Retry-After" in answer.headers:
            self._hush(who, now + float(answer.headers["Retry-After"]))

    def as_app(self, request: web.Request) -> None:
        """Let the App itself in."""
        token = _bearer(request)
        now = self.world.clock()
        try:
            claims = jwt.decode(
                token,
                key().public_key(),
                algorithms=["RS256"],
                options={"verify_exp": False, "verify_iat": False, "verify_aud": False},
            )
        except jwt.PyJWTError:
            raise Said(401, "A JSON web token could not be decoded") from None
        if claims["exp"] > now + 600:
            raise Said(401, "'Expiration time' claim ('exp') is too far in the future")
        if claims["exp"] < now:
            raise Said(401, "'Expiration time' claim ('exp') must be a numeric value in the future")
        if claims["iat"] > now:
            raise Said(401, "'Issued at' claim ('iat') must be in the past")
        if claims["iss"] not in (str(self.world.app_id), self.world.client_id):
            raise Said(404, "Integration not found")
        self._enter(request, "")

    def grant_of(self, token: str) -> Grant | None:
        """Return what a token is good for, None for none (any more)."""
        grant = self.world.grants.get(token)
        installed = grant is not None and grant.installation.id in self.world.installations
        return grant if grant and installed and grant.until > self.world.clock() else None

    def as_installation(self, request: web.Request, permission: str, level: str) -> Grant:
        """Let an installation in that may do this."""
        grant = self.grant_of(_bearer(request))
        if grant is None:
            raise Said(401, "Bad credentials")
        self._enter(request, str(grant.installation.id))
        if grant.installation.suspended:
            raise Said(403, "This installation has been suspended")
        given = LEVELS.get(grant.permissions.get(permission, ""), 0)
        if given < LEVELS[level]:
            raise Said(
                403,
                "Resource not accessible by integration",
                X_Accepted_GitHub_Permissions=f"{permission}={level}",
            )
        return grant

    def repository(self, request: web.Request, permission: str, level: str) -> Repository:
        """Return the repository of a request; one that is closed to the asker is not there."""
        grant = self.as_installation(request, permission, level)
        found = self.meant(request)
        if found is None or (not grant.reaches(found) and (found.private or level != "read")):
            raise Said(404, "Not Found")
        return found

    def meant(self, request: web.Request) -> Repository | None:
        """Return the repository that an address is of; an old name leads to where it is now."""
        if "id" in request.match_info:
            return self.world.repositories.get(int(request.match_info["id"]))
        name = f"{request.match_info['owner']}/{request.match_info['repo']}"
        found = self.world.named(name)
        if found is None and name.lower() in self.world.moved:
            self._moved(request, name)
        return found

    def _moved(self, request: web.Request, name: str) -> NoReturn:
        rest = request.path.partition(f"/repos/{name}")[2]
        id = self.world.moved[name.lower()]
        query = f"?{request.query_string}" if request.query_string else ""
        location = f"{self.world.url}/api/v3/repositories/{id}{rest}{query}"
        raise Said(301, "Moved Permanently", Location=location)

    def _enter(self, request: web.Request, who: str) -> None:
        """Count a request; refuse one too many."""
        request[WHO] = who
        now, window = self.world.clock(), self._window(who)
        if self.silent.get(who, NEVER).broken(now):
            what = f"{request.method} {request.path}"
            self.world.complain(f"{what} while told to wait: {who or 'App'}")
        if self.refuse:
            raise self.refuse.pop(0)
        if window.left <= 0:
            self._hush(who, window.reset)
            raise Said(403, f"API rate limit exceeded for installation ID {who}.")
        request[COUNTED] = True

    def _hush(self, who: str, until: float) -> None:
        now, old = self.world.clock(), self.silent.get(who, NEVER)
        since = old.since if now < old.until else now
        self.silent[who] = Silence(since, max(until, old.until))

    def _window(self, who: str) -> Window:
        now = self.world.clock()
        window = self.windows.get(who)
        if window is None or window.reset <= now:
            window = self.windows[who] = Window(self.hourly, now + 3600)
        return window


async def said_of(request: web.Request) -> dict[str, Any]:
    """Return the JSON of a request; 400 where it is none."""
    try:
        body = await request.json()
    except json.JSONDecodeError:
        raise Said(400, "Problems parsing JSON") from None
    if not isinstance(body, dict):
        raise Said(400, "Body should be a JSON object")
    return body


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if not token:
        raise Said(401, "Requires authentication")
    return token if scheme.lower() in ("bearer", "token") else ""
