"""Ingest of GitLab's webhooks: its token, its signature, its delivery ids."""

import base64
import hashlib
import hmac
import time

import pytest

from bus.connection import Bus
from edge.ingest import GitLabIngest
from tests.edge.ingest.hooks import BODY, KEY, SECRET, SIGNING, from_gitlab, post, stored


@pytest.mark.weakness(8)
async def test_gitlab_s_token(bus: Bus) -> None:
    """The token verifies, another does not, and neither is stored."""
    ingest = GitLabIngest(bus.deliveries, token=SECRET)

    headers = from_gitlab(idempotency_key="k-1", x_gitlab_instance="https://gitlab.example")
    assert (await post(ingest, headers)).json() == {"delivery": "k-1", "sequence": 1}
    assert (await post(ingest, from_gitlab(x_gitlab_token="no"))).status_code == 401
    missing = from_gitlab()
    del missing["x-gitlab-token"]
    assert (await post(ingest, missing)).status_code == 401

    delivery = await bus.deliveries.get(1)
    assert delivery.headers["x-gitlab-instance"] == "https://gitlab.example"
    assert SECRET not in str(delivery.headers)
    assert await stored(bus) == 1


async def test_gitlab_s_delivery_ids(bus: Bus) -> None:
    """The retry key counts first; an event's UUID and older GitLabs need the body's digest."""
    ingest = GitLabIngest(bus.deliveries, token=SECRET)
    digest = hashlib.sha256(BODY).hexdigest()[:32]

    async def id_of(**headers: str) -> str:
        answer = await post(ingest, from_gitlab(**headers))
        return str(answer.json()["delivery"])

    assert await id_of(idempotency_key="k", x_gitlab_event_uuid="u") == "k"
    assert await id_of(x_gitlab_event_uuid="u") == f"u:{digest}"
    assert await id_of() == f"body:{digest}"


def gitlab_signature(id: str, stamp: int, body: bytes = BODY) -> dict[str, str]:
    """Return the headers of the Standard Webhooks specification."""
    digest = hmac.digest(KEY, f"{id}.{stamp}.".encode() + body, "sha256")
    return {
        "content-type": "application/json",
        "x-gitlab-event": "Push Hook",
        "webhook-id": id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": "v1,b3RoZXI= v1," + base64.b64encode(digest).decode(),
    }


async def test_gitlab_s_signature(bus: Bus) -> None:
    """One of several signatures fits: stored under the signed id."""
    ingest = GitLabIngest(bus.deliveries, signing=SIGNING)

    answer = await post(ingest, gitlab_signature("w-1", int(time.time())))

    assert answer.json() == {"delivery": "w-1", "sequence": 1}


@pytest.mark.weakness(10)
async def test_gitlab_s_signature_is_over_id_time_and_body(bus: Bus) -> None:
    """Another id, another body, an old timestamp, a token in its place: 401."""
    ingest = GitLabIngest(bus.deliveries, signing=SIGNING)
    now = int(time.time())
    good = gitlab_signature("w-1", now)

    assert (await post(ingest, good | {"webhook-id": "w-2"})).status_code == 401
    assert (await post(ingest, good, BODY + b" ")).status_code == 401
    assert (await post(ingest, gitlab_signature("w-1", now - 301))).status_code == 401
    assert (await post(ingest, good | {"webhook-timestamp": "9" * 5000})).status_code == 401
    assert (await post(ingest, from_gitlab())).status_code == 401
    assert await stored(bus) == 0


async def test_a_signing_token_of_another_shape_verifies_nothing(bus: Bus) -> None:
    """A key that cannot be decoded is no empty key."""
    ingest = GitLabIngest(bus.deliveries, signing="not base64!")
    digest = hmac.digest(b"", b"w-1.%d." % time.time() + BODY, "sha256")
    headers = gitlab_signature("w-1", int(time.time()))
    headers["webhook-signature"] = "v1," + base64.b64encode(digest).decode()

    assert (await post(ingest, headers)).status_code == 401
