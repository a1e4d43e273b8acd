"""The client of the provider's API, on a gateway played strictly, in all weathers."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumers.deployer.openfaas.answers import GatewayDenied, GatewayFailed, GatewayUnavailable
from consumers.deployer.openfaas.client import Gateway as Client
from consumers.deployer.openfaas.wire import Deployment, Resources, Secret
from schemas.errors import DeployFailed, Retry
from tests.heavy.gateway.played import Function, Gateway

both = pytest.mark.parametrize("gateway", ["faasd", "netes"], indirect=True)
IMAGE = "127.0.0.1:5000/alice/hello@sha256:" + "1" * 64


def order(**fields: Any) -> Deployment:
    """Return the least deployment, with more fields."""
    return Deployment(**{"service": "hello", "image": IMAGE, **fields})


async def applied(client: Client, deployment: Deployment, *, exists: bool) -> None:
    """Apply an order with a time that is ample here."""
    await client.apply(deployment, exists=exists, timeout=20)


@both
async def test_every_call_of_the_api(client: Client, gateway: Gateway) -> None:
    """Deploy, update, list, read, scale, delete, info, namespaces: any 2xx is success."""
    await applied(client, order(), exists=False)
    await applied(client, order(envVars={"A": "1"}), exists=True)
    (listed,) = await client.functions()
    one = await client.function("hello")
    await client.scale("hello", 2)
    info = await client.info()

    assert gateway.functions["hello"].deployment["envVars"] == {"A": "1"}
    assert (listed.name, listed.image, listed.namespace) == ("hello", IMAGE, "openfaas-fn")
    assert one is not None
    assert one.name == "hello"
    assert await client.function("nobody") is None
    assert gateway.functions["hello"].replicas == 2
    assert (info.name, info.version and info.version.release) == ("played", "0.27")
    assert await client.namespaces() == ["openfaas-fn"]
    assert [await client.delete("hello"), await client.delete("hello")] == [True, False]


@both
async def test_a_race_is_won_either_way(client: Client, gateway: Gateway) -> None:
    """Deleted before the update, created before the creation: the other verb is tried."""
    await applied(client, order(), exists=True)
    await applied(client, order(envVars={"A": "1"}), exists=False)

    verbs = [call.verb for call in gateway.calls]
    assert verbs == ["PUT", "POST", "POST", "PUT"]
    assert gateway.functions["hello"].deployment["envVars"] == {"A": "1"}


@both
async def test_secrets_are_set_listed_and_deleted(client: Client, gateway: Gateway) -> None:
    """Binary values arrive as they are; a second value replaces the first."""
    await client.set_secret("alice-key", b"\x00\xffone")
    await client.set_secret("alice-key", b"two")

    assert gateway.secrets == {"alice-key": b"two"}
    assert await client.secrets() == {"alice-key"}
    assert [await client.delete_secret("alice-key"), await client.delete_secret("alice-key")] == [
        True,
        False,
    ]
    assert "two" not in repr(Secret("alice-key", "", b"two"))


async def test_namespaces_stand_in_query_and_body(client: Client, gateway: Gateway) -> None:
    """Some servers read the one, some the other."""
    gateway.namespaces.add("team-a")
    await applied(client, order(namespace="team-a"), exists=False)
    await client.set_secret("alice-key", b"x", "team-a")
    await client.scale("hello", 1, "team-a")
    await client.delete("hello", "team-a")

    deleted = gateway.calls[-1]
    assert deleted.query == {"namespace": "team-a"}
    assert deleted.body == {"functionName": "hello", "namespace": "team-a"}
    assert gateway.kept == {("team-a", "alice-key"): b"x"}
    with pytest.raises(DeployFailed, match="namespace not valid"):
        await client.functions("nowhere")


async def test_a_refusal_ends_with_the_gateways_words(client: Client, gateway: Gateway) -> None:
    """400 is for whoever pushed: what is wrong, as the gateway says it."""
    with pytest.raises(DeployFailed, match=r"\(400\): unable to find secret: alice-key"):
        await applied(client, order(secrets=("alice-key",)), exists=False)

    assert gateway.functions == {}


async def test_a_failure_is_repeated_for_a_while(client: Client, gateway: Gateway) -> None:
    """500 is the provider's own trouble: tried again, and given up before hours have gone."""
    gateway.weather.status = 500

    with pytest.raises(GatewayFailed, match="500: the weather is bad") as failed:
        await client.functions()

    assert isinstance(failed.value, Retry)
    assert not failed.value.patience


@pytest.mark.parametrize("status", [502, 503, 504, 429])
async def test_bad_weather_is_waited_out(client: Client, gateway: Gateway, status: int) -> None:
    """An outage is no refusal: the error says to try again, for hours."""
    gateway.weather.status = status

    with pytest.raises(GatewayUnavailable, match=f"{status}: the weather is bad") as failed:
        await client.functions()

    assert isinstance(failed.value, Retry)
    assert failed.value.patience >= timedelta(hours=1)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_password_is_the_operators(
    client: Client, gateway: Gateway, status: int
) -> None:
    """The error names the settings, and not the password."""
    gateway.weather.status = status

    with pytest.raises(GatewayDenied, match="PUSHLINE_GATEWAY_USER") as denied:
        await client.functions()

    assert gateway.password not in str(denied.value) + repr(client)


@pytest.mark.parametrize(
    ("lie", "word"),
    [
        ("html", "text/html"),
        ("shape", "not its API's"),
        ("swallow", "not its API's"),
        ("huge", "more than"),
        ("redirect", "redirect to http://127.0.0.1:1/x, which is not followed"),
        ("cut", "does not answer"),
    ],
)
async def test_whoever_is_no_gateway_is_found_out(
    client: Client, gateway: Gateway, lie: str, word: str
) -> None:
    """200 with a page, the wrong JSON, no end, a redirect, half a body: try again, and say why."""
    gateway.weather.lie = lie

    with pytest.raises(GatewayUnavailable, match=word) as failed:
        await client.functions()

    assert len(str(failed.value)) < 500


async def test_a_gateway_that_is_slow_or_gone(client: Client, gateway: Gateway) -> None:
    """Waits have an end; a refused connection is an outage too."""
    gateway.weather.slow = 0.6
    with pytest.raises(GatewayUnavailable, match="takes too long for POST"):
        await client.apply(order(), exists=False, timeout=0.2)

    gone = Client("http://127.0.0.1:1", "admin", "secret-word")
    with pytest.raises(GatewayUnavailable, match="does not answer") as failed:
        await gone.info()
    assert "secret-word" not in str(failed.value)
    await gone.close()


async def test_what_kubernetes_refuses_for_good_is_not_repeated(
    client: Client, gateway: Gateway
) -> None:
    """A provider hands Kubernetes' own words on with 500."""
    wrong = order(limits=Resources("64Mi"), requests=Resources("128Mi"))
    with pytest.raises(DeployFailed, match=r"\(500\): Deployment.apps is invalid"):
        await applied(client, wrong, exists=False)

    assert gateway.functions == {}


async def test_logs_are_read_by_time_and_tail(client: Client, gateway: Gateway) -> None:
    """Lines with their time and instance; the last few, those since a time."""
    now = datetime.now(UTC) - timedelta(minutes=1)
    for number in range(5):
        gateway.say("hello", f"line {number}", time=now + timedelta(seconds=number), instance="a")

    everything = [line async for line in client.logs("hello")]
    last = [line.text async for line in client.logs("hello", tail=2)]
    since = [line.text async for line in client.logs("hello", since=now + timedelta(seconds=3))]

    assert [line.text for line in everything] == [f"line {number}" for number in range(5)]
    assert (everything[0].timestamp, everything[0].instance) == (now, "a")
    assert last == since == ["line 3", "line 4"]


async def test_a_log_is_followed_until_one_leaves(client: Client, gateway: Gateway) -> None:
    """Lines come as they are printed; leaving ends the connection."""
    reading = client.logs("hello", follow=True)
    gateway.say("hello", "one")
    assert (await anext(reading)).text == "one"
    gateway.say("hello", "two")
    assert (await anext(reading)).text == "two"

    await reading.aclose()

    async with asyncio.timeout(10):
        while gateway.following:  # noqa: ASYNC110 - a thread's counter
            await asyncio.sleep(0.01)


async def test_a_log_that_lies_is_an_outage(client: Client, gateway: Gateway) -> None:
    """A line that is no JSON and one without an end do not grow in memory."""
    gateway.weather.lie = "html"
    with pytest.raises(GatewayUnavailable, match="not its API's"):
        [line async for line in client.logs("hello")]
    gateway.weather.lie = "huge"
    with pytest.raises(GatewayUnavailable, match="does not end"):
        [line async for line in client.logs("hello")]


async def test_a_function_never_sees_the_password(client: Client, gateway: Gateway) -> None:
    """What answers: a function that is ready, whatever it says; not a gateway on its behalf."""
    held = Function({"service": "hello", "image": IMAGE}, ready=True)
    gateway.held["openfaas-fn", "hello"] = held

    assert await client.answers("/function/hello/_/health")
    assert await client.answers("/function/hello/other")
    assert not await client.answers("/function/nobody/_/health")
    held.ready = False
    assert not await client.answers("/function/hello/_/health")
    assert all("Authorization" not in headers for *_, headers in gateway.invoked)
