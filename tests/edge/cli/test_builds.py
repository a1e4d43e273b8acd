"""``POST /build`` with everything real behind it: settings, engine, registry."""

import hmac
import io
import json
import tarfile
from pathlib import Path

import aiohttp
import httpx
import pytest

from consumers.builder.references import Registry
from consumers.builder.registry import Login, RegistryClient
from edge.cli.builds import build_path
from edge.cli.settings import Settings
from tests.heavy.engines import Engine
from tests.heavy.registries import PASSWORD, USER, OwnRegistry, guarded

__all__ = ["guarded"]  # a fixture
SECRET = "a payload secret"


@pytest.fixture
def chosen(engine: Engine, guarded: OwnRegistry) -> Settings:
    """Return an operator's settings."""
    return Settings(
        builder="buildkit",
        buildkit_url=engine.url,
        registry=f"{guarded.host}/ours/",
        registry_user=USER,
        registry_password=PASSWORD,
        payload_secret=SECRET,
    )


async def build(chosen: Settings, home: Path, image: str, dockerfile: str) -> httpx.Response:
    """Post a tar as the predecessor's callers do."""
    made = io.BytesIO()
    config = json.dumps({"ref": image, "buildArgs": {"WORD": "spoken"}}).encode()
    files = {
        "com.openfaas.docker.config": config,
        "context/Dockerfile": dockerfile.encode(),
        "context/hello": b"hello",
    }
    with tarfile.open(fileobj=made, mode="w") as tar:
        for path, body in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(body)
            tar.addfile(entry, io.BytesIO(body))
    raw = made.getvalue()
    headers = {"x-cloud-signature": "sha1=" + hmac.new(SECRET.encode(), raw, "sha1").hexdigest()}
    transport = httpx.ASGITransport(build_path(chosen, {}, home)["/build"])
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.post("/build", content=raw, headers=headers, timeout=60)


async def test_a_posted_tar_is_pushed(
    chosen: Settings, guarded: OwnRegistry, tmp_path: Path
) -> None:
    """Built with its arguments, pushed under the name it asks for, told in the old lines."""
    image = f"{guarded.host}/ours/alexellis-tester-func:0.2-master-04b8e44"
    dockerfile = "FROM scratch\nARG WORD\nLABEL word=${WORD}\nCOPY hello /\n"

    answer = await build(chosen, tmp_path, image, dockerfile)

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["imageName"], told["status"]) == (image, "success")
    assert {line[:3] for line in told["log"]} <= {"v: ", "s: ", "l: "}
    assert any(line.startswith("v: 20") and "COPY hello /" in line for line in told["log"])
    async with aiohttp.ClientSession() as session:
        client = RegistryClient(
            session, Registry(guarded.host), Login(USER, PASSWORD), insecure=False
        )
        path, _, tag = image.removeprefix(f"{guarded.host}/").partition(":")
        assert await client.manifest(path, tag)


async def test_a_tar_that_does_not_build(
    chosen: Settings, guarded: OwnRegistry, tmp_path: Path
) -> None:
    """The reason stands in the status, the password nowhere."""
    image = f"{guarded.host}/ours/a-b-c:1"

    answer = await build(chosen, tmp_path, image, "FROM scratch\nCOPY missing /\n")

    assert answer.status_code == 500
    assert "missing" in answer.json()["status"]
    assert PASSWORD not in answer.text


@pytest.mark.parametrize(
    "image",
    [
        "docker.io/evil/x:1",
        "{host}/theirs/x:1",
        "{host}/ours/../theirs/x:1",
        "{host}/ours/x@sha256:0",
        "{host}/ours",
        "{host}.evil.example/ours/x:1",
    ],
)
async def test_only_our_registry_s_path_is_pushed_to(
    chosen: Settings, guarded: OwnRegistry, tmp_path: Path, image: str
) -> None:
    """Another host, another path, a way out of ours: 403, and nothing is built."""
    answer = await build(chosen, tmp_path, image.format(host=guarded.host), "FROM scratch\n")

    assert answer.status_code == 403
    assert answer.json()["log"] == []
