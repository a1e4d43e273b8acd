"""Revisions as functions of a gateway, which is played strictly on loopback."""

import asyncio
from typing import Any

import pytest

from consumers.deployer.openfaas.platform import OpenFaasPlatform
from consumers.deployer.platform import Revision
from schemas.errors import DeployFailed, PlatformUnavailable
from tests.consumers.deployer.machine import revision_of, until
from tests.consumers.deployer.openfaas.conftest import platform_of
from tests.heavy.gateway.played import Gateway

both = pytest.mark.parametrize("gateway", ["faasd", "netes"], indirect=True)


def numbered(number: int, **fields: Any) -> Revision:
    """Return a generation of alice's function hello, each with an image of its own."""
    reference = f"127.0.0.1:5000/alice/hello@sha256:{str(number) * 64}"
    known: dict[str, Any] = {
        "generation": number,
        "reference": reference,
        "image": reference[-71:],
    }
    known["id"] = f"abcdef0-{number}"
    return revision_of(**(known | fields))


async def tried(gateway: Gateway) -> str:
    """Return the name of what is on trial beside alice-hello."""
    return next((name for name in gateway.functions if name != "alice-hello"), "")


def image_at(gateway: Gateway, name: str = "alice-hello") -> str:
    """Return the first digit of the digest of what the gateway was told to run."""
    return str(gateway.functions[name].deployment["image"]).rpartition(":")[2][0]


@pytest.mark.weakness(12)
@both
async def test_a_first_revision_is_created_and_seen_ready(
    gateway: Gateway, platform: OpenFaasPlatform
) -> None:
    """One POST; it counts as deployed once a replica is there and answers."""
    gateway.weather.ready_after = 0.3

    running = await platform.deploy(numbered(1))

    assert running.upstream == f"{gateway.url}/function/alice-hello"
    assert running.start_ms >= 300
    assert gateway.asked("POST", "PUT", "DELETE") == ["POST /system/functions"]
    assert [path for _, _, path, _ in gateway.invoked] == ["/_/health"]
    assert await platform.running() == {numbered(1).key}


@both
async def test_a_second_one_is_tried_before_it_takes_the_place(
    gateway: Gateway, platform: OpenFaasPlatform
) -> None:
    """What is live is not touched until the new revision was ready under a name of its own."""
    await platform.deploy(numbered(1))
    gateway.calls.clear()

    running = await platform.deploy(numbered(2))

    assert running.upstream == f"{gateway.url}/function/alice-hello"
    services = [call.body["service"] for call in gateway.calls if call.verb in ("POST", "PUT")]
    assert [services[0].startswith("alice-hello-"), services[1:]] == [True, ["alice-hello"]]
    assert [*gateway.functions] == ["alice-hello"]
    assert image_at(gateway) == "2"
    assert await platform.running() == {numbered(2).key}


@both
async def test_one_that_does_not_start_changes_nothing(
    gateway: Gateway, platform: OpenFaasPlatform
) -> None:
    """The failure says what the function printed; the live one serves on, nothing else is left."""
    await platform.deploy(numbered(1))
    gateway.weather.broken = {"2" * 64}
    failing = asyncio.create_task(platform.deploy(numbered(2)))
    trial = await until(lambda: tried(gateway))
    gateway.say(trial, "  File index.py\x1b[31m")

    with pytest.raises(DeployFailed) as failed:
        await failing

    first, *lines = failed.value.message.splitlines()
    assert first == "not ready within 2 s: no replica is available"
    assert lines == ["  File index.py [31m"]
    assert image_at(gateway) == "1"
    assert [*gateway.functions] == ["alice-hello"]


async def test_a_first_one_that_does_not_answer_is_taken_away(
    gateway: Gateway, platform: OpenFaasPlatform
) -> None:
    """A replica that the gateway counts and that answers 503 is not ready."""
    gateway.weather.unhealthy = {"1" * 64}

    with pytest.raises(DeployFailed, match="does not answer GET /_/health"):
        await platform.deploy(numbered(1))

    assert gateway.functions == {}


async def test_an_order_delivered_twice_is_one(
    gateway: Gateway, platform: OpenFaasPlatform
) -> None:
    """A running revision is answered at once."""
    await platform.deploy(numbered(1))
    gateway.calls.clear()

    await platform.deploy(numbered(1))

    assert gateway.asked("POST", "PUT") == []


@both
async def test_killed_anywhere_it_is_repaired(gateway: Gateway, platform: OpenFaasPlatform) -> None:
    """Cut off before each of its calls, the same order delivered again ends the same."""
    await platform.deploy(numbered(1))
    before = len(gateway.calls)
    await platform.deploy(numbered(2))
    calls = len(gateway.calls) - before
    for cut in range(1, calls + 1):
        generation = cut + 2
        order = numbered(generation % 10, id=f"abcdef0-{generation}", generation=generation)
        start = len(gateway.calls)
        deploying = asyncio.create_task(platform.deploy(order))
        while len(gateway.calls) < start + cut and not deploying.done():  # noqa: ASYNC110
            await asyncio.sleep(0)
        deploying.cancel()
        await asyncio.wait([deploying])

        await platform.deploy(order)

        assert await platform.running() == {order.key}
        assert [*gateway.functions] == ["alice-hello"]


async def test_an_older_generation_is_refused(gateway: Gateway, platform: OpenFaasPlatform) -> None:
    """What runs is read first: a lower generation never takes its place."""
    await platform.deploy(numbered(2))
    gateway.calls.clear()

    with pytest.raises(DeployFailed, match="generation 2 of it runs already, this is 1"):
        await platform.deploy(numbered(1))

    assert gateway.asked("POST", "PUT", "DELETE") == []


async def test_an_older_one_that_was_slow_is_refused_at_the_last_moment(
    gateway: Gateway, platform: OpenFaasPlatform
) -> None:
    """A newer generation that came while the older was tried is not overwritten."""
    await platform.deploy(numbered(1))
    gateway.weather.ready_after = 1.0
    older = asyncio.create_task(platform.deploy(numbered(2)))
    await until(lambda: tried(gateway))
    gateway.weather.ready_after = 0.0
    await platform.deploy(numbered(3))

    with pytest.raises(DeployFailed, match="generation 3"):
        await older

    assert image_at(gateway) == "3"
    assert await platform.running() == {
        numbered(3).key,
        numbered(2).key,
    }  # its trial, to be retired
    await platform.retire(numbered(2).key)
    assert [*gateway.functions] == ["alice-hello"]


async def test_what_was_live_comes_back_over_one_that_failed(
    gateway: Gateway, platform: OpenFaasPlatform
) -> None:
    """The older generation may replace one that the log knows to have failed, without a trial."""
    await platform.deploy(numbered(2))
    gateway.calls.clear()

    await platform.deploy(numbered(1, over=2))

    assert image_at(gateway) == "1"
    assert gateway.asked("POST", "PUT", "DELETE") == ["PUT /system/functions"]


async def test_retiring_deletes_that_revision_alone(
    gateway: Gateway, platform: OpenFaasPlatform
) -> None:
    """One that was replaced in its place is gone already; what is there now is left alone."""
    await platform.deploy(numbered(1))
    await platform.deploy(numbered(2))

    await platform.retire(numbered(1).key)
    assert image_at(gateway) == "2"

    await platform.retire(numbered(2).key)
    assert gateway.functions == {}


async def test_functions_of_others_are_never_touched(
    gateway: Gateway, platform: OpenFaasPlatform
) -> None:
    """A name that somebody else has is not taken, nor counted, nor deleted."""
    other = platform_of(gateway, installation="elsewhere")
    await other.deploy(numbered(1))

    running = await platform.deploy(numbered(2))
    await platform.retire(numbered(1).key)

    assert image_at(gateway) == "1"
    assert running.upstream != f"{gateway.url}/function/alice-hello"
    assert running.upstream.startswith(f"{gateway.url}/function/alice-hello-")
    assert await platform.running() == {numbered(2).key}
    assert await other.running() == {numbered(1).key}
    await other.gateway.close()


@pytest.mark.weakness(7)
async def test_two_functions_with_one_name_are_kept_apart(
    gateway: Gateway, platform: OpenFaasPlatform
) -> None:
    """Tenant a-b with c and tenant a with b-c: both run, under two names."""
    one = await platform.deploy(numbered(1, label="a-b", function="c", project="1"))
    two = await platform.deploy(numbered(2, label="a", function="b-c", project="2"))

    assert one.upstream == f"{gateway.url}/function/a-b-c"
    assert two.upstream.startswith(f"{gateway.url}/function/a-b-c-")
    again = await platform.deploy(
        numbered(3, label="a", function="b-c", project="2", id="abcdef0-3")
    )
    assert again.upstream == two.upstream

    await platform.gateway.delete("a-b-c")  # its usual name is free, and the function stays
    later = await platform.deploy(
        numbered(4, label="a", function="b-c", project="2", id="abcdef0-4")
    )
    assert later.upstream == two.upstream
    assert len(gateway.functions) == 1


@pytest.mark.weakness(27)
async def test_a_lost_update_is_ordered_again(
    gateway: Gateway, platform: OpenFaasPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """faas-netes answers 200 to an update that it could not make: the order is repeated."""
    monkeypatch.setattr("consumers.deployer.openfaas.ready.AGAIN", 0.2)
    await platform.deploy(numbered(1))
    gateway.weather.lie, gateway.weather.only, gateway.weather.times = "swallow", "PUT", 1

    await platform.deploy(numbered(2))

    assert image_at(gateway) == "2"


async def test_an_update_that_is_always_lost_fails_and_says_so(
    gateway: Gateway, platform: OpenFaasPlatform
) -> None:
    """A gateway that says yes and does nothing is found out."""
    await platform.deploy(numbered(1))
    gateway.weather.lie, gateway.weather.only = "swallow", "PUT"

    with pytest.raises(DeployFailed, match="took the order and does not follow it"):
        await platform.deploy(numbered(2))

    assert image_at(gateway) == "1"


async def test_wrong_credentials_are_told_at_once(gateway: Gateway) -> None:
    """A deployment fails with the operator's cure; looking at what runs waits; no word leaks."""
    platform = platform_of(gateway, password="not-the-password")

    with pytest.raises(DeployFailed, match="PUSHLINE_GATEWAY_PASSWORD") as failed:
        await platform.deploy(numbered(1))
    with pytest.raises(PlatformUnavailable):
        await platform.running()

    assert "not-the-password" not in str(failed.value) + repr(platform.settings)
    await platform.gateway.close()


async def test_an_idle_function_is_woken(gateway: Gateway, platform: OpenFaasPlatform) -> None:
    """Scaled to nothing it is not ready; it is asked for one replica and has to show itself."""
    await platform.deploy(numbered(1))
    held = gateway.functions["alice-hello"]
    held.ready, held.replicas = False, 0

    await platform.deploy(numbered(1))

    assert gateway.asked("POST /system/scale") == ["POST /system/scale-function/alice-hello"]


async def test_a_preview_has_its_environment_in_its_name(
    gateway: Gateway, platform: OpenFaasPlatform
) -> None:
    """Beside production's, and with no trigger of production's."""
    await platform.deploy(numbered(1))
    preview = await platform.deploy(numbered(1, environment="pr-7"))

    assert preview.upstream == f"{gateway.url}/function/alice-hello-pr-7"
    assert len(await platform.running()) == 2


@pytest.mark.weakness(6)
async def test_the_stack_may_choose_an_allowed_namespace(gateway: Gateway) -> None:
    """A function in a namespace of the operator's list is called, counted and retired there."""
    gateway.namespaces.add("team-a")
    platform = platform_of(gateway, namespaces=("team-a",))

    running = await platform.deploy(numbered(1, namespace="team-a"))

    assert running.upstream == f"{gateway.url}/function/alice-hello.team-a"
    assert await platform.running() == {numbered(1).key}
    with pytest.raises(DeployFailed, match=r"functions\.hello\.namespace: kube-system is not open"):
        await platform.deploy(numbered(2, namespace="kube-system"))
    await platform.retire(numbered(1).key)
    assert gateway.held == {}
    await platform.gateway.close()


@both
@pytest.mark.parametrize(
    "only",
    [
        "GET /system/function/",
        "GET /system/secrets",
        "POST /system/functions",
        "PUT /system/functions",
        "DELETE /system/functions",
    ],
)
async def test_an_outage_at_any_call_means_later(
    gateway: Gateway, platform: OpenFaasPlatform, only: str
) -> None:
    """No outcome is reported; the order delivered again ends as if nothing had been."""
    gateway.kept["openfaas-fn", "alice-key"] = b"x"
    await platform.deploy(numbered(1, secrets=("key",)))
    gateway.weather.status, gateway.weather.only, gateway.weather.times = 503, only, 1
    order = numbered(2, secrets=("key",))

    with pytest.raises(PlatformUnavailable):
        await platform.deploy(order)
    await platform.deploy(order)

    assert image_at(gateway) == "2"
    assert [*gateway.functions] == ["alice-hello"]
