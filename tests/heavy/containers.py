"""Containers by an engine's own API: an image is pulled by digest, run, and asked over HTTP."""

import base64
import contextlib
import http.client
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WAIT = 30.0  # seconds


def ask(
    engine: Path, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, bytes]:
    """Return status and body of one request to the engine behind a socket."""
    connection = http.client.HTTPConnection("engine", timeout=WAIT)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with contextlib.closing(connection):
        connection.sock.settimeout(WAIT)
        connection.sock.connect(str(engine))
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        fields["Content-Type"] = "application/json"
        connection.request(method, path, json.dumps(body) if body is not None else None, fields)
        answer = connection.getresponse()
        return answer.status, answer.read()


def pull(engine: Path, reference: str, user: str = "", password: str = "") -> None:
    """Pull HOST/PATH@sha256:… into the engine."""
    told = {"username": user, "password": password, "serveraddress": reference.partition("/")[0]}
    auth = base64.urlsafe_b64encode(json.dumps(told).encode()).decode()
    status, body = ask(
        engine, "POST", f"/images/create?fromImage={reference}", X_Registry_Auth=auth
    )
    assert status == 200, body
    assert b'"error"' not in body, body


@contextlib.contextmanager
def container(engine: Path, reference: str, **environment: str) -> Iterator[str]:
    """Run a pulled image and yield where its port 8080 is reached; remove it afterwards."""
    told: dict[str, Any] = {
        "Image": reference,
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "ExposedPorts": {"8080/tcp": {}},
        "HostConfig": {"PortBindings": {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "0"}]}},
    }
    status, body = ask(engine, "POST", "/containers/create", told)
    assert status == 201, body
    id = json.loads(body)["Id"]
    try:
        status, body = ask(engine, "POST", f"/containers/{id}/start")
        assert status == 204, body
        status, body = ask(engine, "GET", f"/containers/{id}/json")
        ports = json.loads(body)["NetworkSettings"]["Ports"]
        yield f"http://127.0.0.1:{ports['8080/tcp'][0]['HostPort']}"
    finally:
        ask(engine, "DELETE", f"/containers/{id}?force=true")


def fetched(url: str, body: bytes | None = None) -> bytes:
    """Return what a function answers, as soon as it answers at all."""
    deadline = time.monotonic() + WAIT
    while True:
        try:
            with urllib.request.urlopen(url, body, timeout=WAIT) as answer:  # noqa: S310 - ours
                found: bytes = answer.read()
                return found
        except (urllib.error.URLError, OSError, http.client.HTTPException):
            # the port is open before the function is
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.05)
