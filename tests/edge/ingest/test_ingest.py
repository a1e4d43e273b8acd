"""Ingest, as a forge and as an attacker see it. The log is real, save where it is away."""

import asyncio
import hashlib
import hmac
import json
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from bus.connection import Bus
from edge.ingest import Gate, GitHubIngest, GitLabIngest
from schemas.errors import BlobsUnavailable, LogFull, LogUnavailable
from tests.edge.ingest.hooks import BODY, SECRET, from_gitlab, post, raw, signed, stored


@pytest.fixture
def github(bus: Bus) -> GitHubIngest:
    """Return GitHub's endpoint on an empty log."""
    return GitHubIngest(bus.deliveries, secret=SECRET)


class LogAway:
    """A delivery log that takes nothing."""

    def __init__(self, error: Exception) -> None:
        """Fail with ``error``."""
        self.error = error

    async def store(self, *_: object) -> int:
        """Raise."""
        raise self.error


async def test_a_signed_delivery_is_stored_as_it_came(bus: Bus, github: GitHubIngest) -> None:
    """202 names delivery and sequence; body and chosen headers are in the log, no others."""
    answer = await post(github, signed(cookie="c", authorization="a", user_agent="GitHub-Hookshot"))

    assert answer.status_code == 202
    assert answer.json() == {"delivery": "d-1", "sequence": 1}
    delivery = await bus.deliveries.get(1)
    assert (delivery.forge, delivery.id, delivery.body) == ("github", "d-1", BODY)
    assert delivery.headers.pop("traceparent").startswith("00-")
    assert delivery.headers == {
        "content-type": "application/json",
        "user-agent": "GitHub-Hookshot",
        "x-github-event": "ping",
        "x-github-delivery": "d-1",
    }


@pytest.mark.weakness(10)
async def test_a_resend_is_stored_once(bus: Bus, github: GitHubIngest) -> None:
    """The same delivery, many times at once: each is answered with the one sequence."""
    answers = await asyncio.gather(*(post(github, signed()) for _ in range(8)))

    assert {answer.status_code for answer in answers} == {202}
    assert {answer.json()["sequence"] for answer in answers} == {1}
    assert await stored(bus) == 1


async def test_a_stored_delivery_is_counted_and_tells_no_line(github: GitHubIngest) -> None:
    """The log has the delivery: operators see a number; the line is there for debugging alone."""
    labels = {"forge": "github"}
    before = REGISTRY.get_sample_value("pushline_ingest_stored_deliveries_total", labels) or 0

    with capture_logs() as lines:
        await post(github, signed())
        await post(github, signed(x_hub_signature_256="sha256="))

    after = REGISTRY.get_sample_value("pushline_ingest_stored_deliveries_total", labels)
    assert after == before + 1
    assert {line["log_level"] for line in lines if line["event"] == "delivery_stored"} == {"debug"}


@pytest.mark.parametrize(
    "change",
    [
        {"x_hub_signature_256": ""},
        {"x_hub_signature_256": "sha256="},
        {"x_hub_signature_256": "sha256=" + "0" * 64},
        {"x_hub_signature_256": "sha1=" + hmac.new(SECRET.encode(), BODY, "sha1").hexdigest()},
        {"x_hub_signature_256": hmac.new(SECRET.encode(), BODY, "sha256").hexdigest()},
        {"x_hub_signature_256": "sha256=é"},
    ],
)
async def test_a_wrong_signature_stores_nothing(
    bus: Bus, github: GitHubIngest, change: dict[str, str]
) -> None:
    """401, whatever is wrong with the signature."""
    headers = {name: value.encode("latin-1") for name, value in signed(BODY, **change).items()}
    answer = await post(github, headers)  # type: ignore[arg-type]

    assert answer.status_code == 401
    assert await stored(bus) == 0


async def test_a_changed_body_stores_nothing(bus: Bus, github: GitHubIngest) -> None:
    """The signature holds for the very bytes it was made for."""
    assert (await post(github, signed(), BODY + b" ")).status_code == 401
    assert await stored(bus) == 0


@pytest.mark.weakness(10)
async def test_nothing_is_looked_into_before_it_is_verified(bus: Bus, github: GitHubIngest) -> None:
    """Without a signature the answer is 401, though id, event and content type are bad as well."""
    answer = await post(github, {"content-type": "text/html"}, b"\xff{")

    assert answer.status_code == 401
    assert await stored(bus) == 0


@pytest.mark.weakness(10)
async def test_an_unsigned_body_is_not_even_read(github: GitHubIngest) -> None:
    """A request that has no signature costs no memory."""

    async def receive() -> dict[str, Any]:
        raise AssertionError("the body was read")

    assert await raw(github, receive, {}) == 401


@pytest.mark.weakness(10)
async def test_sha1_only_where_it_is_configured(bus: Bus, github: GitHubIngest) -> None:
    """X-Hub-Signature counts where it is switched on, and never beside a wrong SHA-256."""
    digest = hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest()
    old = signed(x_hub_signature=f"sha1={digest}")
    wrong = old | {"x-hub-signature-256": "sha256=" + "0" * 64}
    del old["x-hub-signature-256"]
    lenient = GitHubIngest(bus.deliveries, secret=SECRET, sha1=True)

    assert (await post(github, old)).status_code == 401
    assert (await post(lenient, wrong)).status_code == 401
    assert (await post(lenient, old)).status_code == 202


@pytest.mark.conformance("HMAC")
async def test_the_predecessor_s_test_vector(bus: Bus) -> None:
    """alexellis/hmac: key ``key-goes-here``, body ``Store this string``."""
    ingest = GitHubIngest(bus.deliveries, secret="key-goes-here", sha1=True)
    headers = signed(x_hub_signature="sha1=805c32cea5b377c5ec65489027a345f58c872136")
    del headers["x-hub-signature-256"]

    assert (await post(ingest, headers, b"Store this string")).status_code == 202
    assert (await post(ingest, headers, b"Store this strinh")).status_code == 401


@pytest.mark.conformance("HmacEnabled")
@pytest.mark.weakness(10)
@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_without_a_secret_all_is_refused(bus: Bus, forge: str) -> None:
    """Nothing set: 401, also for the signature of the empty secret; the log names the setting."""
    empty = "sha256=" + hmac.new(b"", BODY, hashlib.sha256).hexdigest()
    ingest, headers, setting = {
        "github": (
            GitHubIngest(bus.deliveries, secret=""),
            signed(x_hub_signature_256=empty),
            "PUSHLINE_GITHUB_WEBHOOK_SECRET",
        ),
        "gitlab": (
            GitLabIngest(bus.deliveries),
            from_gitlab(x_gitlab_token=""),
            "PUSHLINE_GITLAB_WEBHOOK_TOKEN",
        ),
    }[forge]

    with capture_logs() as lines:
        assert (await post(ingest, headers)).status_code == 401

    assert [line["setting"] for line in lines if line["event"] == "webhook_secret_unset"] == [
        setting
    ]
    assert await stored(bus) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"x_github_delivery": ""},
        {"x_github_delivery": "d" * 201},
        {"x_github_event": ""},
        {"content_type": "text/plain"},
        {"content_type": ""},
    ],
)
async def test_a_delivery_without_its_headers(
    bus: Bus, github: GitHubIngest, change: dict[str, str]
) -> None:
    """400: verified, but it cannot be told from others, or not be read later."""
    assert (await post(github, signed(BODY, **change))).status_code == 400
    assert await stored(bus) == 0


async def test_a_form_is_stored_raw(bus: Bus, github: GitHubIngest) -> None:
    """GitHub's other content type is taken as it is; intake decodes it."""
    body = b"payload=%7B%7D"
    headers = signed(body, content_type="application/x-www-form-urlencoded")

    assert (await post(github, headers, body)).status_code == 202
    assert (await bus.deliveries.get(1)).body == body


async def test_a_body_over_64_kib_comes_back_whole(bus: Bus, github: GitHubIngest) -> None:
    """A large push is stored too."""
    body = json.dumps({"commits": ["x" * 100] * 3000}).encode()

    assert (await post(github, signed(body), body)).status_code == 202
    assert (await bus.deliveries.get(1)).body == body


async def test_too_large_by_its_own_word(github: GitHubIngest) -> None:
    """A Content-Length over the limit is refused before a byte is read."""

    async def receive() -> dict[str, Any]:
        raise AssertionError("the body was read")

    for length in (str(25 * 1024 * 1024 + 1), "9" * 5000):
        assert await raw(github, receive, signed(content_length=length)) == 413


async def test_too_large_while_it_comes(bus: Bus, github: GitHubIngest) -> None:
    """A body without a length is counted while it comes, and refused at the limit."""
    read = 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b"x" * 2**20, "more_body": True}

    assert await raw(github, receive, signed()) == 413
    assert read == 26
    assert await stored(bus) == 0


async def test_other_methods(github: GitHubIngest) -> None:
    """Only POST; the answer says so."""
    for method in ("GET", "PUT", "DELETE", "HEAD"):
        answer = await post(github, signed(), method=method)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.conformance("github-event Handle")
async def test_who_comes_from_an_installation_reads_what_to_do(
    bus: Bus, github: GitHubIngest
) -> None:
    """GitHub sends a browser here after an installation: a text, nothing is stored.

    With POST the query changes nothing: unsigned is unsigned.
    """
    url = "/github-event?installation_id=1&setup_action=install"
    answer = await post(github, {}, b"", "GET", url)

    assert answer.status_code == 200
    assert answer.text == "Installation completed, please return to the installation guide."
    assert (await post(github, {}, BODY, "POST", url)).status_code == 401
    assert await stored(bus) == 0


@pytest.mark.weakness(15)
@pytest.mark.parametrize(
    "error", [LogUnavailable("away"), LogFull("full"), BlobsUnavailable("away")]
)
async def test_the_log_is_away_or_full(error: Exception) -> None:
    """503 with Retry-After: never 202 for what is not known to be stored."""
    ingest = GitHubIngest(LogAway(error), secret=SECRET)  # type: ignore[arg-type]

    answer = await post(ingest, signed())

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")


async def test_too_many_at_once(bus: Bus) -> None:
    """A place and memory are held until the answer, then free again; beyond them 503."""
    gate = Gate(places=1, memory=100)
    ingest = GitHubIngest(bus.deliveries, secret=SECRET, gate=gate)
    more = asyncio.Event()
    parts = iter([{"type": "http.request", "body": BODY, "more_body": True}])

    async def slow() -> dict[str, Any]:
        if part := next(parts, None):
            return part
        await more.wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    first = asyncio.create_task(raw(ingest, slow, signed()))
    while not gate.full:  # noqa: ASYNC110 - until the first is inside
        await asyncio.sleep(0)
    assert (await post(ingest, signed())).status_code == 503
    more.set()
    assert await first == 202

    large = b"x" * 101
    assert (await post(ingest, signed(large), large)).status_code == 503
    assert (await post(ingest, signed(BODY))).status_code == 202


async def test_a_body_that_does_not_come(bus: Bus) -> None:
    """A sender that stalls is given up, and holds no place for ever."""
    ingest = GitHubIngest(bus.deliveries, secret=SECRET)
    ingest.time = 0.05

    async def stalled() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    assert await raw(ingest, stalled, signed()) == 408


async def test_a_sender_that_leaves(bus: Bus, github: GitHubIngest) -> None:
    """A connection lost in mid-body is no delivery."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    assert await raw(github, receive, signed()) == 0
    assert await stored(bus) == 0
