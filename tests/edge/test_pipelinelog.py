"""``/pipeline-log``, as the predecessor's callers and as an attacker see it."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from bus.buildlogs import BuildLogs
from bus.objects import DirectoryObjects
from edge.auth.door import Door, TokenMissing
from edge.auth.people import PLATFORM, Caller
from edge.ingest import Gate
from edge.pipelinelog import LIMIT, PipelineLog
from schemas.errors import BlobsUnavailable
from tests.edge.auth.entering import asking, door, person

SECRET, TOKEN = b"key-goes-here", "s3cret"
SHA = "af6db0000000000000000000000000000000beef"
LOG = "Step 1/2\nStep 2/2\nexit status 1 ✗"
POSTED = {
    "RepoPath": "alexellis/super-cake",
    "CommitSHA": SHA,
    "Function": "slack-fn",
    "Source": "buildshiprun",
    "Data": LOG,
}
QUERY = {"repoPath": "alexellis/super-cake", "commitSHA": SHA, "function": "slack-fn"}
WHOSE = (QUERY["repoPath"], QUERY["commitSHA"], QUERY["function"])
KEY = f"pipeline/alexellis/super-cake/{SHA}/slack-fn/build.log"
BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def logs(tmp_path: Path) -> BuildLogs:
    """Return an empty store of logs."""
    return BuildLogs(DirectoryObjects(tmp_path / "objects"), "pipeline")


class Known:
    """Two forges have a super-cake, one has a tart; nobody knows anything else."""

    def forges_of(self, name: str) -> set[str]:
        """Return the forges that have a repository of this name."""
        return {"alexellis/super-cake": {"github", "local"}, "alice/tart": {"local"}}.get(
            name, set()
        )


def application(logs: BuildLogs, secret: bytes = SECRET) -> PipelineLog:
    """Return the application."""
    return PipelineLog(logs, door("functions.example", TOKEN), Known(), Gate(), secret)


def signed(body: bytes, method: str = "sha1") -> dict[str, str]:
    """Return the headers of a signed POST."""
    return {"x-cloud-signature": f"{method}={hmac.new(SECRET, body, method).hexdigest()}"}


async def ask(
    application: PipelineLog,
    method: str,
    headers: dict[str, str],
    *,
    body: bytes = b"",
    query: dict[str, str] | None = None,
) -> httpx.Response:
    """Send one request."""
    transport = httpx.ASGITransport(application, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        url = "/pipeline-log"
        return await client.request(method, url, content=body, headers=headers, params=query)


@pytest.mark.conformance("pipeline getPath")
@pytest.mark.parametrize("method", ["sha1", "sha256"])
async def test_what_is_posted_can_be_read(logs: BuildLogs, method: str) -> None:
    """The predecessor's shapes: a signed PipelineLog, the answer, the query, the raw text."""
    body = json.dumps(POSTED).encode()
    wrote = await ask(application(logs), "POST", signed(body, method), body=body)
    read = await ask(application(logs), "GET", BEARER, query=QUERY)

    assert (wrote.status_code, wrote.text) == (200, f"Wrote {len(LOG.encode())} bytes to {KEY}\n")
    assert (read.status_code, read.text) == (200, LOG)
    assert read.headers["content-type"] == "text/plain; charset=utf-8"
    assert read.headers["x-content-type-options"] == "nosniff"


async def test_a_second_log_of_a_commit_takes_the_first_one_s_place(logs: BuildLogs) -> None:
    """As with the predecessor: the newest counts."""
    for data in ("first", "second"):
        body = json.dumps(POSTED | {"Data": data}).encode()
        await ask(application(logs), "POST", signed(body), body=body)
    assert (await ask(application(logs), "GET", BEARER, query=QUERY)).text == "second"


@pytest.mark.weakness(23)
async def test_a_missing_log_is_404(logs: BuildLogs) -> None:
    """Not an empty 200."""
    assert (await ask(application(logs), "GET", BEARER, query=QUERY)).status_code == 404


@pytest.mark.weakness(3)
@pytest.mark.weakness(10)
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}])
async def test_nobody_reads_without_the_token(logs: BuildLogs, headers: dict[str, str]) -> None:
    """Logs may be those of private repositories; a signature is no token."""
    await logs.write(*WHOSE, b"private")
    with pytest.raises(TokenMissing):
        await ask(application(logs), "GET", headers | signed(b""), query=QUERY)


@pytest.mark.weakness(3)
@pytest.mark.parametrize(
    ("caller", "repository", "status"),
    [
        (person("alice", "viewer"), "alice/tart", 200),
        (person("alice", "viewer"), "Alice/Tart", 404),  # a place of its own: nobody wrote there
        (person("bob", "owner", "bob"), "alice/tart", 404),
        (person("stan", None), "alice/tart", 404),
        (person("alice", "owner", "alice", "push"), "alice/tart", 404),
        (
            person("alex", "owner", "alexellis"),
            "alexellis/super-cake",
            404,
        ),  # github's may be meant
        (person("alice", "owner"), "alice/unknown", 404),
        (PLATFORM, "alice/unknown", 200),
    ],
)
async def test_nobody_reads_another_tenants_log(
    logs: BuildLogs,
    monkeypatch: pytest.MonkeyPatch,
    caller: Caller,
    repository: str,
    status: int,
) -> None:
    """The predecessor's §7.3: any signed-in user read any log, by naming another repository."""
    for name in ("alice/tart", "alexellis/super-cake", "alice/unknown"):
        await logs.write(name, SHA, "slack-fn", b"private")
    monkeypatch.setattr(Door, "enter", lambda _, __: asking(caller))

    read = await ask(application(logs), "GET", {}, query=QUERY | {"repoPath": repository})

    assert (read.status_code, read.text == "private") == (status, status == 200)


@pytest.mark.weakness(23)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("repoPath", ""),
        ("repoPath", "alexellis"),
        ("repoPath", "../../etc"),
        ("repoPath", "alexellis/../bob"),
        ("repoPath", "/alexellis/super-cake"),
        ("commitSHA", ""),
        ("commitSHA", "main"),
        ("commitSHA", "af6db/../../x"),
        ("function", ""),
        ("function", ".."),
        ("function", "../slack-fn"),
        ("function", "a/b"),
        ("function", "a\x00b"),
    ],
)
async def test_bad_fields_are_named(logs: BuildLogs, field: str, value: str) -> None:
    """400 says which field of the query, and of what is posted."""
    read = await ask(application(logs), "GET", BEARER, query=QUERY | {field: value})
    posted = field[0].upper() + field[1:]
    body = json.dumps(POSTED | {posted: value}).encode()
    wrote = await ask(application(logs), "POST", signed(body), body=body)

    assert (read.status_code, wrote.status_code) == (400, 400)
    assert read.text.startswith(field)
    assert wrote.text.startswith(posted)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"RepoPath": 1}', b"\xff\xfe"])
async def test_what_is_no_pipeline_log(logs: BuildLogs, body: bytes) -> None:
    """Signed, and yet not the shape: 400."""
    answer = await ask(application(logs), "POST", signed(body), body=body)
    assert answer.status_code == 400


async def test_an_unsigned_body_is_not_even_read(logs: BuildLogs) -> None:
    """A POST that has no signature costs no memory."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        raise AssertionError("the body was read")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "headers": []}
    await application(logs)(scope, receive, send)
    assert sent[0]["status"] == 401


async def test_a_changed_body_is_not_parsed(logs: BuildLogs) -> None:
    """401 before anything is looked into, also for what is no JSON."""
    body = json.dumps(POSTED).encode()
    for changed in (body + b" ", b"{"):
        answer = await ask(application(logs), "POST", signed(body), body=changed)
        assert answer.status_code == 401
    assert not await logs.has(*WHOSE)


async def test_without_a_secret_nothing_is_put_there(logs: BuildLogs) -> None:
    """401 also for the signature of the empty secret; the log names the setting."""
    body = json.dumps(POSTED).encode()
    empty = hmac.new(b"", body, hashlib.sha1).hexdigest()
    with capture_logs() as lines:
        answer = await ask(
            application(logs, b""), "POST", {"x-cloud-signature": f"sha1={empty}"}, body=body
        )
    assert answer.status_code == 401
    assert lines[0]["setting"] == "PUSHLINE_PAYLOAD_SECRET"


async def test_a_body_too_large(logs: BuildLogs) -> None:
    """413, whether its length is announced or not."""
    body = b"x" * (LIMIT + 1)

    async def chunked() -> Any:
        yield body

    for content in (body, chunked()):
        answer = await ask(application(logs), "POST", signed(body), body=content)
        assert answer.status_code == 413


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_verbs(logs: BuildLogs, method: str) -> None:
    """The predecessor's own words."""
    answer = await ask(application(logs), method, BEARER)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert answer.text == "pipeline-log, unknown request\n"


@pytest.mark.weakness(14)
async def test_a_store_that_is_down(tmp_path: Path) -> None:
    """503 with Retry-After to readers and writers; they learn nothing of the store."""

    class Away(DirectoryObjects):
        async def read(self, key: str) -> bytes:
            raise BlobsUnavailable(f"nobody answers for {key}", hint="secret")

        async def write(self, key: str, body: bytes) -> None:
            raise BlobsUnavailable(f"nobody answers for {key} {body!r}", hint="secret")

    away = application(BuildLogs(Away(tmp_path), "pipeline"))
    body = json.dumps(POSTED).encode()
    read = await ask(away, "GET", BEARER, query=QUERY)
    wrote = await ask(away, "POST", signed(body), body=body)
    for answer in (read, wrote):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        assert "secret" not in answer.text


def test_the_secret_is_in_no_repr(logs: BuildLogs) -> None:
    """Nobody learns it from a log line."""
    assert SECRET.decode() not in repr(application(logs))
