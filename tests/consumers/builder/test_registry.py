"""The client of an image registry, against a real one with a password."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from consumers.builder.attestations import attestations
from consumers.builder.references import Registry
from consumers.builder.registry import (
    IMAGES,
    INDEXES,
    Login,
    Manifest,
    RegistryClient,
    RegistryRefused,
    loopback,
    may_ask,
)
from schemas.errors import RegistryUnavailable
from schemas.events.run import Attestation
from schemas.ids import digest_of
from tests.heavy.registries import PASSWORD, USER, OwnRegistry, own_registry

LOGIN = Login(USER, PASSWORD)
CONFIG = b"{}"
PREDICATE = "https://slsa.dev/provenance/v0.2"


@asynccontextmanager
async def speaking(
    host: str, login: Login = LOGIN, *, insecure: bool = False
) -> AsyncIterator[RegistryClient]:
    """Yield a client of the registry at ``host``."""
    async with aiohttp.ClientSession() as session:
        yield RegistryClient(session, Registry(host), login, insecure=insecure)


async def put_blob(host: str, repository: str, body: bytes) -> None:
    """Upload a blob, as whoever pushes does."""
    async with aiohttp.ClientSession(f"http://{host}", headers=LOGIN.basic) as session:
        started = await session.post(f"/v2/{repository}/blobs/uploads/")
        place = started.headers["Location"].partition(host)[2]
        done = await session.put(f"{place}&digest={digest_of(body)}", data=body)
        assert done.status == 201


def described(body: bytes, kind: str, **annotations: str) -> dict[str, object]:
    """Return a descriptor."""
    return {
        "mediaType": kind,
        "digest": digest_of(body),
        "size": len(body),
        "annotations": annotations,
    }


def image(*layers: dict[str, object]) -> Manifest:
    """Return an image's manifest."""
    config = described(CONFIG, "application/vnd.oci.image.config.v1+json")
    told = {"schemaVersion": 2, "mediaType": IMAGES[0], "config": config, "layers": layers}
    body = json.dumps(told).encode()
    return Manifest(digest_of(body), IMAGES[0], body)


def index(*manifests: dict[str, object]) -> Manifest:
    """Return an index of manifests."""
    told = {"schemaVersion": 2, "mediaType": INDEXES[0], "manifests": manifests}
    body = json.dumps(told).encode()
    return Manifest(digest_of(body), INDEXES[0], body)


async def test_what_was_named_is_found_again(guarded: OwnRegistry) -> None:
    """By tag and by digest, byte for byte; under another tag too, and twice is harmless."""
    await put_blob(guarded.host, "alice/hello-one", CONFIG)
    async with speaking(guarded.host) as client:
        await client.tag("alice/hello-one", "a", image())
        await client.tag("alice/hello-one", "b", image())
        await client.tag("alice/hello-one", "b", image())

        found = [await client.manifest("alice/hello-one", at) for at in ("a", "b", image().digest)]

    assert found == [image()] * 3


async def test_what_is_not_there_is_none(guarded: OwnRegistry) -> None:
    """No repository, no tag, no digest: none of these is an error."""
    async with speaking(guarded.host) as client:
        assert await client.manifest("alice/nothing", "a") is None
        assert await client.manifest("alice/nothing", image().digest) is None


@pytest.mark.parametrize("login", [Login(), Login(USER, "wrong"), Login("nobody", PASSWORD)])
async def test_a_wrong_password_names_the_cure(guarded: OwnRegistry, login: Login) -> None:
    """The pusher learns that it is not theirs to mend; the password stands nowhere."""
    async with speaking(guarded.host, login) as client:
        with pytest.raises(RegistryRefused):
            await client.manifest("alice/hello", "a")
        with pytest.raises(RegistryRefused, match="PUSHLINE_REGISTRY_PASSWORD") as caught:
            await client.manifest("alice/hello", "a")

    assert guarded.host in str(caught.value)
    assert "wrong" not in repr(login) + repr(caught.value)


async def test_a_registry_that_is_down_comes_back(tmp_path: Path) -> None:
    """Stopped it is unavailable, which is tried again; started again it answers."""
    with own_registry(tmp_path) as registry:
        async with speaking(registry.host) as client:
            assert await client.manifest("alice/hello", "a") is None
            registry.stop()
            with pytest.raises(RegistryUnavailable, match=registry.host):
                await client.manifest("alice/hello", "a")

            registry.start()

            assert await client.manifest("alice/hello", "a") is None


async def test_an_image_s_statements_are_read(guarded: OwnRegistry) -> None:
    """Of the index only attestation manifests count, and of these the layers with a predicate."""
    statement = b'{"_type": "https://in-toto.io/Statement/v0.1"}'
    kind = "application/vnd.in-toto+json"
    layer = described(statement, kind, **{"in-toto.io/predicate-type": PREDICATE})
    told = image(layer, described(CONFIG, kind))
    listed = index(
        described(image().body, IMAGES[0]),
        described(told.body, IMAGES[0], **{"vnd.docker.reference.type": "attestation-manifest"}),
    )
    for body in (CONFIG, statement):
        await put_blob(guarded.host, "alice/hello-told", body)
    async with speaking(guarded.host) as client:
        for manifest in (image(), told, listed):
            await client.tag("alice/hello-told", f"t-{manifest.digest[7:15]}", manifest)

        found = await attestations(client, "alice/hello-told", listed)
        bare = await attestations(client, "alice/hello-told", image())

    assert found == (Attestation(PREDICATE, digest_of(statement)),)
    assert bare == ()


class TokenRegistry:
    """A registry that asks for a token, which its service hands to who has the password."""

    def __init__(self) -> None:
        """Know no token yet."""
        self.host = ""
        self.tokens: list[str] = []
        self.scopes: list[str] = []

    async def manifest(self, request: web.Request) -> web.Response:
        """Answer who has the newest token."""
        if self.tokens and request.headers.get("Authorization") == f"Bearer {self.tokens[-1]}":
            return web.Response(body=image().body, content_type=IMAGES[0])
        challenge = f'Bearer realm="http://{self.host}/token",service="here",scope="x:pull"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    async def token(self, request: web.Request) -> web.Response:
        """Hand out a token."""
        if request.headers.get("Authorization") != LOGIN.basic["Authorization"]:
            return web.Response(status=401)
        assert request.query["service"] == "here"
        self.scopes.append(request.query["scope"])
        self.tokens.append(f"t{len(self.tokens)}")
        return web.json_response({"token": self.tokens[-1]})


@pytest.fixture
async def tokens() -> AsyncIterator[TokenRegistry]:
    """Yield a registry with tokens, listening."""
    registry = TokenRegistry()
    application = web.Application()
    application.router.add_get("/v2/{path:.*}", registry.manifest)
    application.router.add_get("/token", registry.token)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    registry.host = "127.0.0.1:{1}".format(*runner.addresses[0])
    yield registry
    await runner.cleanup()


async def test_tokens_are_asked_for_once(tokens: TokenRegistry) -> None:
    """By repository, with the right to push; one that has run out is replaced."""
    async with speaking(tokens.host) as client:
        for _ in range(3):
            assert await client.manifest("alice/hello", "a") == image()
        tokens.tokens.append("another")  # as if ours had run out
        assert await client.manifest("alice/hello", "a") == image()

    assert tokens.scopes == ["repository:alice/hello:pull,push"] * 2


async def test_a_token_service_that_refuses(tokens: TokenRegistry) -> None:
    """It is the password that is wrong there too."""
    async with speaking(tokens.host, Login(USER, "wrong")) as client:
        with pytest.raises(RegistryRefused, match="refused the password of pusher"):
            await client.manifest("alice/hello", "a")


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother",
        b"no HTTP at all\r\n\r\n",
        b"",
    ],
)
async def test_nonsense_is_an_outage(raw: bytes) -> None:
    """A bad gateway, a body cut short, another manifest than was asked for, a closed door."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host = "127.0.0.1:{1}".format(*server.sockets[0].getsockname())
    async with server, speaking(host) as client:
        with pytest.raises(RegistryUnavailable, match=host):
            await client.manifest("alice/hello", image().digest)


def test_loopback_is_told_from_the_rest() -> None:
    """These alone speak plain http without being said to."""
    assert all(map(loopback, ["127.0.0.1:5000", "127.9.9.9", "localhost:1", "[::1]:5000"]))
    assert not any(map(loopback, ["registry:5000", "10.0.0.1:5000", "127.evil.example", "::"]))


@pytest.mark.parametrize(
    ("realm", "registry", "may"),
    [
        ("https://auth.example.com/token", "https://registry.example.com/v2", True),
        ("http://auth.example.com/token", "https://registry.example.com/v2", False),
        ("http://127.0.0.1:5001/token", "http://127.0.0.1:5000/v2", True),
        ("file:///etc/passwd", "http://127.0.0.1:5000/v2", False),
        ("", "https://registry.example.com/v2", False),
    ],
)
def test_a_password_stays_behind_tls(realm: str, registry: str, may: bool) -> None:  # noqa: FBT001 - a column
    """A registry spoken to by TLS cannot have our password sent somewhere in the clear."""
    assert may_ask(realm, registry) is may
