"""Calls of functions at the gateway that tests play: to a container, or told back."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import ClientError, ClientSession, DummyCookieJar, web
from multidict import CIMultiDict

from tests.heavy.gateway.played import Function, Gateway

INTERNAL = {"X-OpenFaaS-Internal": "gateway"}
HOP_BY_HOP = ("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host")


class Calls:
    """The routes of /function."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.session: ClientSession | None = None

    async def close(self, app: web.Application) -> None:
        """Close what is connected to containers."""
        del app
        if self.session is not None:
            await self.session.close()

    async def call(self, request: web.Request) -> web.StreamResponse:
        """Pass a call on, or answer with what it was: name, path, query, headers, body."""
        called, rest = request.match_info["name"], request.match_info["rest"] or "/"
        name, _, where = called.partition(".")
        if "Authorization" in request.headers:
            self.gateway.faults.append(f"{called} was told the gateway's password")
        held = self.gateway.held.get((where or self.gateway.default, name))
        if held is None:
            return web.Response(
                status=404, text=f"error finding function {called}", headers=INTERNAL
            )
        serving = held.serving
        image = "" if serving is None else serving.deployment["image"]
        if serving is None or any(part in image for part in self.gateway.weather.unhealthy):
            text = f"No endpoints available for: {called}."
            return web.Response(status=503, text=text, headers=INTERNAL)
        body = await request.read()
        self.gateway.invoked.append((request.method, name, rest, dict(request.headers)))
        if serving.address is not None:
            return await self.passed(request, serving, rest, body)
        if rest == "/_/health":
            return web.Response(text="OK")
        return web.json_response(told(request, serving, rest, body))

    async def passed(
        self, request: web.Request, serving: Function, rest: str, body: bytes
    ) -> web.StreamResponse:
        """Return a container's answer as it comes."""
        if self.session is None:
            self.session = ClientSession(cookie_jar=DummyCookieJar(), auto_decompress=False)
        assert serving.address
        host, port = serving.address
        url = f"http://{host}:{port}{rest}" + (
            f"?{request.query_string}" if request.query_string else ""
        )
        given = onward(request.headers)
        given.setdefault("X-Forwarded-Host", request.host)
        try:
            async with self.session.request(
                request.method, url, headers=given, data=body, allow_redirects=False
            ) as found:
                answer = web.StreamResponse(status=found.status, headers=onward(found.headers))
                await answer.prepare(request)
                async for piece in found.content.iter_any():
                    await answer.write(piece)
                return answer
        except ClientError as error:
            return web.Response(status=502, text=type(error).__name__, headers=INTERNAL)


def told(request: web.Request, serving: Function, rest: str, body: bytes) -> dict[str, Any]:
    """Return what a function that tells what it was asked would say."""
    return {
        "service": serving.deployment["service"],
        "image": serving.deployment["image"],
        "method": request.method,
        "path": rest,
        "query": request.query_string,
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "body": body.decode("utf-8", "replace"),
        "length": json.dumps(len(body)),
    }


def onward(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Return the headers that go on to the other side."""
    named = {name.strip().lower() for name in headers.get("Connection", "").split(",")}
    return CIMultiDict(
        (name, value)
        for name, value in headers.items()
        if name.lower() not in HOP_BY_HOP and name.lower() not in named
    )
