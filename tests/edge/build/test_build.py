"""``POST /build`` as the predecessor's callers and as an attacker see it."""

import asyncio
import hashlib
import hmac
import io
import json
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from edge.build import Build, Job
from edge.build import application as build
from edge.build.answers import KEPT
from edge.build.port import Say
from edge.ingest import Gate
from schemas.errors import BuildFailed, PushlineError, RegistryUnavailable

SECRET = b"key-goes-here"
IMAGE = "registry:5000/alexellis/go-fns-tester-func:0.2-master-04b8e44"
CONFIG = {"ref": IMAGE, "buildArgs": {"GO111MODULE": "on"}}


@dataclass
class Images:
    """Makes images as told; remembers what it was asked for."""

    lines: tuple[str, ...] = ("v: one", "l: two")
    error: PushlineError | None = None
    hold: asyncio.Event | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    jobs: list[Job] = field(default_factory=list)
    contexts: list[list[str]] = field(default_factory=list)
    cancelled: int = 0

    def refusal(self, image: str) -> str:
        """Take what lies in one registry."""
        return "" if image.startswith("registry:5000/") else "images are pushed to registry:5000"

    async def make(self, job: Job, say: Say) -> None:
        """Look into the tar, say the lines, wait and fail as told."""
        self.jobs.append(job)
        with tarfile.open(job.archive) as tar:
            self.contexts.append(tar.getnames())
        for line in self.lines:
            say(line)
        self.begun.set()
        try:
            if self.hold:
                await self.hold.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error


def body(config: object = CONFIG, *, name: str = "com.openfaas.docker.config") -> bytes:
    """Return a tar as git-tar makes it."""
    made = io.BytesIO()
    text = config if isinstance(config, bytes) else json.dumps(config).encode()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for path, part in ((name, text), ("context/Dockerfile", b"FROM scratch\n")):
            entry = tarfile.TarInfo(path)
            entry.size = len(part)
            tar.addfile(entry, io.BytesIO(part))
    return made.getvalue()


def signed(raw: bytes, method: str = "sha1") -> dict[str, str]:
    """Return the headers of whoever has the secret."""
    header = {"sha1": "x-cloud-signature", "sha256": "x-build-signature"}[method]
    return {header: f"{method}={hmac.new(SECRET, raw, method).hexdigest()}"}


def application(images: Images, work: Path, **more: Any) -> Build:
    """Return the application with one place."""
    told: dict[str, Any] = {"places": asyncio.Semaphore(1), "secret": SECRET} | more
    return Build(images, work, **told)


def scope(headers: dict[str, str]) -> dict[str, Any]:
    """Return what a server tells of a POST."""
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": "POST", "path": "/build", "headers": raw}


async def post(
    application: Build, raw: bytes, headers: dict[str, str], *, method: str = "POST"
) -> httpx.Response:
    """Send one request."""
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.request(method, "/build", content=raw, headers=headers)


@pytest.mark.parametrize("first", ["com.openfaas.secrets", "com.openfaas.docker.config"])
async def test_sealed_secrets_beside_the_config_are_handed_on(tmp_path: Path, first: str) -> None:
    """In any order; they are no part of the context."""
    files = {"com.openfaas.secrets": b"sealed", "com.openfaas.docker.config": CONFIG}
    raw = body(files[first], name=first)[:1024]  # a header and a block, without the tar's end
    rest = next(name for name in files if name != first)
    raw += body(files[rest], name=rest)
    images = Images()

    answer = await post(application(images, tmp_path), raw, signed(raw))

    assert answer.status_code == 200, answer.text
    assert images.jobs[0].sealed == b"sealed"


async def test_too_many_sealed_secrets_are_refused(tmp_path: Path) -> None:
    """They would be read into memory whole."""
    raw = body(b"x" * 300_000, name="com.openfaas.secrets")

    answer = await post(application(Images(), tmp_path), raw, signed(raw))

    assert (answer.status_code, "com.openfaas.secrets" in answer.text) == (413, True)


@pytest.mark.parametrize("method", ["sha1", "sha256"])
async def test_a_signed_tar_is_built(tmp_path: Path, method: str) -> None:
    """The predecessor's answer: the log, the name, the status; the tar is gone afterwards."""
    images = Images()

    answer = await post(application(images, tmp_path), body(), signed(body(), method))

    assert answer.status_code == 200
    assert answer.json() == {
        "log": ["v: one", "l: two"],
        "imageName": IMAGE,
        "status": "success",
    }
    (job,) = images.jobs
    assert (job.image, job.arguments, job.platforms, job.push) == (
        IMAGE,
        {"GO111MODULE": "on"},
        (),
        True,
    )
    assert images.contexts == [["com.openfaas.docker.config", "context/Dockerfile"]]
    assert list(tmp_path.iterdir()) == []


async def test_the_newer_api_s_words_are_taken(tmp_path: Path) -> None:
    """``image`` for ``ref``, platforms, skipPush; capitals become small, as ever."""
    raw = body(
        {
            "image": IMAGE.upper().replace("REGISTRY", "registry"),
            "platforms": ["linux/amd64", "linux/arm64"],
            "skipPush": True,
            "frontend": "tonistiigi/dockerfile:v0",
            "unheard": 1,
        }
    )
    images = Images()

    answer = await post(application(images, tmp_path), raw, signed(raw, "sha256"))

    assert answer.status_code == 200
    (job,) = images.jobs
    assert (job.image, job.platforms, job.push) == (IMAGE, ("linux/amd64", "linux/arm64"), False)


async def test_a_stream_tells_while_it_builds(tmp_path: Path) -> None:
    """A line of JSON for what is in progress, and one for the end."""
    images = Images(hold=asyncio.Event())
    sent = asyncio.Queue[Any]()
    asked = asyncio.Queue[dict[str, Any]]()
    asked.put_nowait({"type": "http.request", "body": body()})
    headers = signed(body()) | {"accept": "application/x-ndjson"}
    answering = asyncio.create_task(
        application(images, tmp_path)(scope(headers), asked.get, sent.put)
    )

    start, first = await sent.get(), await sent.get()
    assert images.hold
    assert not answering.done()
    images.hold.set()
    last = await sent.get()
    await answering

    assert (start["status"], start["headers"][0][1]) == (200, b"application/x-ndjson")
    assert [json.loads(part["body"]) for part in (first, last)] == [
        {"log": ["v: one", "l: two"], "image": IMAGE, "status": "in_progress"},
        {"log": [], "image": IMAGE, "status": "success"},
    ]


@pytest.mark.parametrize(
    ("error", "status"), [(BuildFailed("exit code: 7"), 500), (RegistryUnavailable("down"), 503)]
)
async def test_a_failure_is_told(tmp_path: Path, error: PushlineError, status: int) -> None:
    """In the predecessor's shape and in the newer one, each with the log so far."""
    images = Images(error=error)

    whole = await post(application(images, tmp_path), body(), signed(body()))
    streamed = await post(
        application(images, tmp_path), body(), signed(body()) | {"accept": "application/x-ndjson"}
    )

    assert whole.status_code == streamed.status_code == status
    assert whole.json()["status"] == f"failure: {error}"
    assert whole.json()["log"] == ["v: one", "l: two"]
    last = json.loads(streamed.text.splitlines()[-1])
    assert (last["status"], last["error"]) == ("failed", str(error))


async def test_only_our_registry_is_pushed_to(tmp_path: Path) -> None:
    """A caller with the secret is still no way to push elsewhere."""
    raw = body({"ref": "docker.io/evil/image:1"})
    images = Images()

    answer = await post(application(images, tmp_path), raw, signed(raw))

    assert answer.status_code == 403
    assert "images are pushed to registry:5000" in answer.json()["status"]
    assert images.jobs == []


@pytest.mark.weakness(10)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-cloud-signature": "sha1=" + "0" * 40},
        {"x-build-signature": "sha256=" + hashlib.sha256(body()).hexdigest()},
        {"x-cloud-signature": "md5=" + "0" * 32},
    ],
)
async def test_nobody_builds_without_the_secret(tmp_path: Path, headers: dict[str, str]) -> None:
    """No signature, a wrong one, a mere hash: 401, and nothing is looked into."""
    images = Images()

    answer = await post(application(images, tmp_path), body(), headers)

    assert answer.status_code == 401
    assert images.jobs == []
    assert list(tmp_path.iterdir()) == []


async def test_an_unset_secret_is_no_secret(tmp_path: Path) -> None:
    """Signed with nothing, as anybody could."""
    empty = {"x-cloud-signature": "sha1=" + hmac.new(b"", body(), "sha1").hexdigest()}

    answer = await post(application(Images(), tmp_path, secret=b""), body(), empty)

    assert answer.status_code == 401
    assert "goes-here" not in repr(application(Images(), tmp_path))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"no tar at all", "the body is no tar"),
        (b"", "the body is no tar"),
        (body(name="other"), "is missing in the tar"),
        (body({}), "ref is missing"),
        (body(b"{"), "com.openfaas.docker.config: "),
        (body({"ref": 1}), "$.ref"),
        (body(b"x" * 300_000), "at most"),
    ],
)
async def test_what_is_no_such_tar(tmp_path: Path, raw: bytes, said: str) -> None:
    """Signed nonsense is refused by name, before anything is built."""
    answer = await post(application(Images(), tmp_path), raw, signed(raw))

    assert answer.status_code in (400, 413)
    assert said in answer.text


async def test_a_body_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what it says of itself, and by what comes."""
    monkeypatch.setattr(build, "LIMIT", 4096)
    raw = body()

    async def parts() -> AsyncIterator[bytes]:
        yield raw[:4000]
        yield raw[4000:]

    transport = httpx.ASGITransport(application(Images(), tmp_path))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        announced = await client.post("/build", content=raw, headers=signed(raw))
        streamed = await client.post("/build", content=parts(), headers=signed(raw))

    assert announced.status_code == streamed.status_code == 413


async def test_other_verbs_are_refused(tmp_path: Path) -> None:
    """Its own version took any."""
    answer = await post(application(Images(), tmp_path), b"", {}, method="GET")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_caller_who_goes_away_stops_the_build(tmp_path: Path) -> None:
    """Its own version went on for nobody."""
    images = Images(hold=asyncio.Event())
    raw = body()
    messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    messages.put_nowait({"type": "http.request", "body": raw})

    async def send(_: Any) -> None:
        raise AssertionError("nobody is there")

    answering = asyncio.create_task(
        application(images, tmp_path)(scope(signed(raw)), messages.get, send)
    )
    await images.begun.wait()
    messages.put_nowait({"type": "http.disconnect"})
    async with asyncio.timeout(5):
        await answering

    assert images.cancelled == 1
    assert list(tmp_path.iterdir()) == []


async def test_builds_wait_for_a_place_and_not_too_many(tmp_path: Path) -> None:
    """One is built, one waits, the next is told to come again."""
    images = Images(hold=asyncio.Event())
    app = application(images, tmp_path, gate=Gate(places=2))
    two = [asyncio.create_task(post(app, body(), signed(body()))) for _ in range(2)]
    await images.begun.wait()
    async with asyncio.timeout(5):
        while len(list(tmp_path.iterdir())) < 2:  # noqa: ASYNC110 - another task's folder
            await asyncio.sleep(0.01)

    third = await post(app, body(), signed(body()))
    assert len(images.jobs) == 1
    assert images.hold
    images.hold.set()

    assert (third.status_code, third.headers["retry-after"]) == (503, "10")
    assert [answer.status_code for answer in await asyncio.gather(*two)] == [200, 200]


async def test_a_log_has_an_end(tmp_path: Path) -> None:
    """The newest lines are kept: they say why a build failed."""
    line = "x" * 1000
    lines = (*(f"{number} {line}" for number in range(KEPT // 500)), "the end")

    answer = await post(application(Images(lines), tmp_path), body(), signed(body()))

    assert len(answer.content) < KEPT * 1.1
    assert answer.json()["log"][-1] == "the end"


async def test_leftovers_of_killed_processes_are_removed(tmp_path: Path) -> None:
    """Only theirs: a process that lives may still read its body."""
    for name in ("request.999999999.x", "request.1.x"):
        (tmp_path / name).mkdir()

    await post(application(Images(), tmp_path), body(), signed(body()))

    assert [path.name for path in tmp_path.iterdir()] == ["request.1.x"]
