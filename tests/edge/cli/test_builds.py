"""``POST /build`` with everything real behind it: settings, engine, registry."""

import base64
import hmac
import io
import json
import tarfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import httpx
import pytest
from nacl.public import PrivateKey

from bus.connection import Bus
from consumers.builder.references import Registry
from consumers.builder.registry import Login, RegistryClient
from consumers.secrets.keyfile import KeyFile
from consumers.secrets.store import Secrets
from edge.cli.builds import build_paths
from edge.cli.settings import Settings
from tests.consumers.secrets.sealing import sealed_for
from tests.heavy.engines import Engine
from tests.heavy.programs import program
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


@pytest.fixture
def secrets(bus: Bus, tmp_path: Path) -> Secrets:
    """Return a store whose keys open what is sealed for a build."""
    return Secrets(bus.log, bus.blobs, KeyFile(tmp_path / "keys"))


@dataclass(frozen=True)
class Site:
    """``/build`` and ``/publickey`` of an operator."""

    chosen: Settings
    home: Path
    secrets: Secrets

    @asynccontextmanager
    async def client(self, path: str) -> AsyncIterator[httpx.AsyncClient]:
        """Yield a client of one path."""
        application = build_paths(self.chosen, {}, self.home, self.secrets)[path]
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client

    async def build(
        self, image: str, dockerfile: str, more: Mapping[str, bytes] | None = None
    ) -> httpx.Response:
        """Post a tar as the predecessor's callers do."""
        raw = tar(image, dockerfile, more or {})
        signature = hmac.new(SECRET.encode(), raw, "sha1").hexdigest()
        headers = {"x-cloud-signature": f"sha1={signature}"}
        async with self.client("/build") as client:
            return await client.post("/build", content=raw, headers=headers, timeout=60)


@pytest.fixture
def site(chosen: Settings, tmp_path: Path, secrets: Secrets) -> Site:
    """Return what answers."""
    return Site(chosen, tmp_path, secrets)


def tar(image: str, dockerfile: str, more: Mapping[str, bytes]) -> bytes:
    """Return the tar that asks for an image."""
    made = io.BytesIO()
    config = json.dumps({"ref": image, "buildArgs": {"WORD": "spoken"}}).encode()
    files = {
        "com.openfaas.docker.config": config,
        "context/Dockerfile": dockerfile.encode(),
        "context/hello": b"hello",
        **more,
    }
    with tarfile.open(fileobj=made, mode="w") as archive:
        for path, body in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(body), 0o755
            archive.addfile(entry, io.BytesIO(body))
    return made.getvalue()


async def test_a_posted_tar_is_pushed(site: Site, guarded: OwnRegistry) -> None:
    """Built with its arguments, pushed under the name it asks for, told in the old lines."""
    image = f"{guarded.host}/ours/alexellis-tester-func:0.2-master-04b8e44"
    dockerfile = "FROM scratch\nARG WORD\nLABEL word=${WORD}\nCOPY hello /\n"

    answer = await site.build(image, dockerfile)

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


async def test_a_tar_that_does_not_build(site: Site, guarded: OwnRegistry) -> None:
    """The reason stands in the status, the password nowhere."""
    image = f"{guarded.host}/ours/a-b-c:1"

    answer = await site.build(image, "FROM scratch\nCOPY missing /\n")

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
    site: Site, guarded: OwnRegistry, image: str
) -> None:
    """Another host, another path, a way out of ours: 403, and nothing is built."""
    answer = await site.build(image.format(host=guarded.host), "FROM scratch\n")

    assert answer.status_code == 403
    assert answer.json()["log"] == []


MOUNTING = """\
FROM scratch
COPY busybox /bin/busybox
RUN --mount=type=secret,id=pip_token,required=true \
  ["/bin/busybox", "sh", "-c", "/bin/busybox cat /run/secrets/pip_token; exit 3"]
"""


async def test_a_builds_own_secrets_come_sealed(site: Site, guarded: OwnRegistry) -> None:
    """Sealed by /publickey as faas-cli does, mounted in the step; printed, it stands nowhere."""
    async with site.client("/publickey") as client:
        key = (await client.get("/publickey")).json()
        refused = await client.post("/publickey")
    sealed = sealed_for(base64.b64decode(key["public_key"]), pip_token=b"s3cr3t-of-this-build")
    more = {
        "com.openfaas.secrets": sealed,
        "context/busybox": program("busybox", "busybox-static").read_bytes(),
    }

    answer = await site.build(f"{guarded.host}/ours/sealed:1", MOUNTING, more)

    assert refused.status_code == 405
    assert "ended with 3" in answer.json()["status"]  # the step had it, and printed it
    assert any(line.endswith(" ***") for line in answer.json()["log"])
    assert "s3cr3t" not in answer.text


async def test_secrets_sealed_for_another_key_fail_the_build(
    site: Site, guarded: OwnRegistry
) -> None:
    """Nothing is built, and the cure is told."""
    await site.secrets.public_key()
    sealed = sealed_for(bytes(PrivateKey.generate().public_key), pip_token=b"x")

    answer = await site.build(
        f"{guarded.host}/ours/sealed:2", MOUNTING, {"com.openfaas.secrets": sealed}
    )

    assert answer.status_code == 500
    assert "seal again with what /publickey answers now" in answer.json()["status"]
