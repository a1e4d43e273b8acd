"""Runtime secrets on their way from the store to the gateway."""

from typing import Any

import pytest

from consumers.deployer.openfaas.platform import OpenFaasPlatform
from schemas.errors import DeployFailed
from tests.consumers.deployer.openfaas.test_platform import numbered
from tests.heavy.gateway.played import Gateway

both = pytest.mark.parametrize("gateway", ["faasd", "netes"], indirect=True)
VALUE = b"\xffvalue-that-nobody-may-see"


class Store:
    """A store of secrets in memory."""

    def __init__(self, **values: bytes) -> None:
        self.values = values
        self.asked: list[tuple[str, ...]] = []

    async def open(
        self, forge: str, project: str, owner: str, name: str, environment: str = "production"
    ) -> bytes | None:
        """Return a value, and remember who asked; previews get none."""
        if environment != "production":
            return None
        self.asked.append((forge, project, owner, name))
        return self.values.get(name)


@both
async def test_a_secret_of_the_store_is_made_at_the_gateway(
    gateway: Gateway, platform: OpenFaasPlatform
) -> None:
    """Before the function that needs it; a later value replaces it with the next revision."""
    store = platform.secrets = Store(key=VALUE)

    await platform.deploy(numbered(1, secrets=("key",)))
    store.values["key"] = b"second"
    await platform.deploy(numbered(2, secrets=("key",)))

    assert gateway.secrets == {"alice-key": b"second"}
    assert gateway.functions["alice-hello"].deployment["secrets"] == ["alice-key"]
    assert store.asked[0] == ("local", "alice/hello", "alice", "key")


async def test_one_that_the_gateway_has_is_enough(
    gateway: Gateway, platform: OpenFaasPlatform
) -> None:
    """Made there by hand, it is used and not touched."""
    gateway.kept["openfaas-fn", "alice-key"] = b"by hand"

    await platform.deploy(numbered(1, secrets=("key",)))

    assert gateway.secrets == {"alice-key": b"by hand"}
    assert gateway.asked("POST /system/secrets", "PUT /system/secrets") == []


async def test_a_missing_one_fails_by_name_before_anything_is_deployed(
    gateway: Gateway, platform: OpenFaasPlatform
) -> None:
    """Neither in the store nor at the gateway: the message says which, and how to have it."""
    gateway.kept["openfaas-fn", "alice-one"] = b"x"

    with pytest.raises(DeployFailed, match=r"secrets\[1\]: there is no secret two .*alice-two"):
        await platform.deploy(numbered(1, secrets=("one", "two")))

    assert gateway.asked("POST /system/functions", "PUT /system/functions") == []


@pytest.mark.parametrize("status", [400, 401, 500])
async def test_no_value_reaches_an_error_or_a_log(
    gateway: Gateway, platform: OpenFaasPlatform, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    """Whatever the gateway answers to it."""
    platform.secrets = Store(key=VALUE)
    gateway.weather.status, gateway.weather.only = status, "PUT /system/secrets"

    with pytest.raises(Exception) as failed:  # noqa: PT011 - of any kind
        await platform.deploy(numbered(1, secrets=("key",)))

    causes: list[Any] = [failed.value]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    printed = capsys.readouterr()
    shown = "".join(map(repr, causes)) + "".join(map(str, causes)) + printed.out + printed.err
    assert "value-that-nobody" not in shown


async def test_a_preview_gets_none_that_is_not_for_previews(
    gateway: Gateway, platform: OpenFaasPlatform
) -> None:
    """Not even the one of that name which the gateway has for production."""
    platform.secrets = Store(key=VALUE)
    await platform.deploy(numbered(1, secrets=("key",)))

    with pytest.raises(DeployFailed, match="previews do not get the secret key") as failed:
        await platform.deploy(numbered(1, secrets=("key",), environment="pr-7"))

    assert "pushline secrets set alice/hello key --previews" in failed.value.hint
    assert list(gateway.functions) == ["alice-hello"]
