"""Functions of the played gateway as real containers: ``runner = Containers(engine.socket)``.

The image is pulled by the digest that the deployment names, by a user of the registry if one is
given, and run as OpenFaaS runs it: environment, process, limits, read-only root, secrets as files.
"""

import contextlib
import http.client
import json
import shutil
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.heavy.containers import ask, pull
from tests.heavy.gateway.rules import POWERS, QUANTITY

WAIT = 30.0  # seconds for a container to listen and be healthy
FRAME = struct.Struct(">BxxxI")  # of an engine's log: which stream, how many bytes


class Containers:
    """A Runner on the Docker Engine behind a socket."""

    def __init__(self, engine: Path, user: str = "", password: str = "") -> None:
        self.engine, self.user, self.password = engine, user, password
        self.running: dict[tuple[str, int], str] = {}  # address → container

    def start(
        self, deployment: dict[str, Any], secrets: dict[str, bytes], say: Callable[[str], None]
    ) -> tuple[str, int]:
        """Pull and run; return where it listens once it is healthy. ``say`` gets what it prints."""
        pull(self.engine, deployment["image"], self.user, self.password)
        told = _told(deployment, _files(secrets))
        status, body = ask(self.engine, "POST", "/containers/create", told)
        assert status == 201, body
        id: str = json.loads(body)["Id"]
        try:
            status, body = ask(self.engine, "POST", f"/containers/{id}/start")
            assert status == 204, body
            threading.Thread(target=self._print, args=(id, say), daemon=True).start()
            address = self._listening(id)
        except BaseException:
            ask(self.engine, "DELETE", f"/containers/{id}?force=true")
            raise
        self.running[address] = id
        return address

    def stop(self, address: tuple[str, int]) -> None:
        """End a container and remove it."""
        id = self.running.pop(address, "")
        if id:
            status, body = ask(self.engine, "GET", f"/containers/{id}/json")
            ask(self.engine, "DELETE", f"/containers/{id}?force=true")
            for mount in json.loads(body).get("Mounts", ()) if status == 200 else ():
                if mount.get("Type") == "bind":
                    shutil.rmtree(mount["Source"], ignore_errors=True)

    def _listening(self, id: str) -> tuple[str, int]:
        deadline = time.monotonic() + WAIT
        while True:
            _, body = ask(self.engine, "GET", f"/containers/{id}/json")
            found = json.loads(body)
            assert found["State"]["Running"], f"exited with {found['State']['ExitCode']}"
            for bound in found["NetworkSettings"]["Ports"].get("8080/tcp") or ():
                address = ("127.0.0.1", int(bound["HostPort"]))
                if _answers(address):
                    return address
            assert time.monotonic() < deadline, "it does not answer at port 8080"
            time.sleep(0.05)

    def _print(self, id: str, say: Callable[[str], None]) -> None:
        """Pass on what a container prints, until it ends."""
        connection = http.client.HTTPConnection("engine")
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with (
            contextlib.closing(connection),
            contextlib.suppress(OSError, http.client.HTTPException),
        ):
            connection.sock.connect(str(self.engine))
            connection.request("GET", f"/containers/{id}/logs?follow=1&stdout=1&stderr=1")
            answer, rest = connection.getresponse(), b""
            while len(head := answer.read(FRAME.size)) == FRAME.size:
                *lines, rest = (rest + answer.read(FRAME.unpack(head)[1])).split(b"\n")
                for line in lines:
                    say(line.decode("utf-8", "replace"))


def _told(deployment: dict[str, Any], secrets: Path | None) -> dict[str, Any]:
    environment = dict(deployment.get("envVars", {}))
    if process := deployment.get("envProcess"):
        environment["fprocess"] = process
    limits = {name: _amount(said) for name, said in deployment.get("limits", {}).items()}
    return {
        "Image": deployment["image"],
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "Labels": deployment.get("labels", {}),
        "ExposedPorts": {"8080/tcp": {}},
        "HostConfig": {
            "PortBindings": {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "0"}]},
            "Memory": int(limits.get("memory", 0)),
            "NanoCpus": int(limits.get("cpu", Decimal(0)) * 10**9),
            "ReadonlyRootfs": deployment.get("readOnlyRootFilesystem", False),
            "Tmpfs": {"/tmp": ""},  # noqa: S108 - of the container
            "Binds": [f"{secrets}:/var/openfaas/secrets:ro"] if secrets else [],
        },
    }


def _files(secrets: dict[str, bytes]) -> Path | None:
    if not secrets:
        return None
    folder = Path(tempfile.mkdtemp(prefix="pushline-secrets-"))
    folder.chmod(0o755)
    for name, value in secrets.items():
        (folder / name).write_bytes(value)
    return folder


def _amount(said: str) -> Decimal:
    found = QUANTITY.fullmatch(said)
    assert found
    return Decimal(found[1]) * POWERS[found[2] or ""]


def _answers(address: tuple[str, int]) -> bool:
    """Tell whether a function answers its health check by itself."""
    connection = http.client.HTTPConnection(*address, timeout=5)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/_/health")
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
