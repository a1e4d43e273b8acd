"""Functions of the gateway that tests play: deployed, replaced, ready in their time, deleted."""

import asyncio
from functools import partial
from typing import Any

from aiohttp import web

from tests.heavy.gateway import rules
from tests.heavy.gateway.played import Function
from tests.heavy.gateway.rules import refuse
from tests.heavy.gateway.server import Server


class Functions:
    """The routes of /system/functions and those of one function."""

    def __init__(self, server: Server) -> None:
        self.server, self.gateway = server, server.gateway
        self.tasks: set[asyncio.Task[None]] = set()

    async def list(self, request: web.Request) -> web.Response:
        """GET /system/functions."""
        where = self.server.namespace(request)
        found = [
            self.status(name, place, held, listed=True)
            for (place, name), held in self.gateway.held.items()
            if place == where
        ]
        return web.json_response(found)

    async def one(self, request: web.Request) -> web.Response:
        """GET /system/function/{name}."""
        name, where = request.match_info["name"], self.server.namespace(request)
        held = self.gateway.held.get((where, name))
        if held is None:
            return web.Response(status=404)
        return web.json_response(self.status(name, where, held))

    def status(self, name: str, where: str, held: Function, *, listed: bool = False) -> Any:
        """Return a FunctionStatus, which no server fills in whole."""
        given = held.deployment
        found = {
            "name": name,
            "namespace": where,
            "image": given["image"],
            "labels": given.get("labels", {}),
            "annotations": {**given.get("annotations", {}), "prometheus.io.scrape": "false"},
            "secrets": given.get("secrets", []),
            "createdAt": held.created.isoformat().replace("+00:00", "Z"),
        }
        available = held.replicas if held.serving is not None else 0
        shown = {"replicas": held.replicas, "availableReplicas": available}
        if self.gateway.style == "faasd":
            shown = {"replicas": int(held.ready), "availableReplicas": int(held.ready)}
            if listed:
                del shown["availableReplicas"]
        return found | {key: value for key, value in shown.items() if value}

    async def deploy(self, request: web.Request) -> web.Response:
        """POST and PUT /system/functions."""
        body = await request.json()
        if faults := rules.deployment(body):
            self.server.fault(request, *faults)
            refuse(400, faults[0])
        where = self.server.namespace(request, body)
        place, old = (where, body["service"]), None
        for name in body.get("secrets", []):
            if (where, name) not in self.gateway.kept:
                refuse(400, f"unable to find secret: {name}")
        old = self.gateway.held.get(place)
        if request.method == "PUT" and old is None:
            refuse(404, f"function: {body['service']}.{where} not found")
        if request.method == "POST" and old is not None:
            refuse(500 if self.gateway.style == "netes" else 400, "deployments.apps already exists")
        rolling = self.gateway.style == "netes" and old is not None
        held = Function(body, before=old.serving if rolling and old else None)
        held.replicas = int(body.get("labels", {}).get("com.openfaas.scale.min", "1"))
        self.gateway.held[place] = held
        if self.gateway.style == "faasd":  # which stops, starts and then answers
            await self.start(place, held, old)
            return web.Response(status=self.server.done)
        task = asyncio.ensure_future(self.start(place, held, old))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return web.Response(status=self.server.done)

    async def start(self, place: tuple[str, str], held: Function, old: Function | None) -> None:
        """Have an ordered function become ready, in its time."""
        await asyncio.sleep(self.gateway.weather.ready_after)
        if self.broken(held):
            return
        if self.gateway.runner is not None:
            secrets = {
                name: self.gateway.kept[place[0], name]
                for name in held.deployment.get("secrets", [])
            }
            try:
                start = self.gateway.runner.start
                say = partial(self.gateway.say, place[1])
                held.address = await asyncio.to_thread(start, held.deployment, secrets, say)
            except Exception as error:  # noqa: BLE001 - it stands in the function's log
                self.gateway.say(place[1], f"{type(error).__name__}: {error}")
                return
        held.ready, held.before = True, None
        await self.stop(old)
        if self.gateway.held.get(place) is not held:
            await self.stop(held)

    def broken(self, held: Function) -> bool:
        """Tell whether a function never becomes ready."""
        return any(part in held.deployment["image"] for part in self.gateway.weather.broken)

    async def stop(self, held: Function | None) -> None:
        """End what runs of a function."""
        if held is not None and held.address is not None and self.gateway.runner is not None:
            address, held.address = held.address, None
            await asyncio.to_thread(self.gateway.runner.stop, address)

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE /system/functions."""
        body = await request.json()
        known: dict[str, type] = {"functionName": str, "namespace": str}
        if faults := rules.fields(body, known, ("functionName",)):
            self.server.fault(request, *faults)
            refuse(400, faults[0])
        place = (self.server.namespace(request, body), body["functionName"])
        if place not in self.gateway.held:
            refuse(404, f"function {place[1]}.{place[0]} not found")
        await self.stop(self.gateway.held.pop(place).serving)
        return web.Response(status=self.server.done)

    async def scale(self, request: web.Request) -> web.Response:
        """POST /system/scale-function/{name}."""
        body = await request.json()
        known: dict[str, type] = {"serviceName": str, "namespace": str, "replicas": int}
        self.server.fault(request, *rules.fields(body, known, ("serviceName",)))
        name, where = request.match_info["name"], self.server.namespace(request, body)
        held = self.gateway.held.get((where, name))
        if held is None:
            refuse(404, f"function: {name}.{where} not found")
        if not body["replicas"]:
            refuse(400, "replicas must > 0 for faasd CE")
        held.replicas = min(body["replicas"], 5)
        held.ready = not self.broken(held)
        return web.Response(status=self.server.done)

    async def close(self, app: web.Application) -> None:
        """End what runs."""
        del app
        for task in self.tasks:
            task.cancel()
        for held in self.gateway.held.values():
            await self.stop(held)
            await self.stop(held.before)
