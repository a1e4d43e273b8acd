"""A platform in front of a played gateway."""

from collections.abc import AsyncIterator

import pytest

from consumers.deployer.openfaas.client import Gateway as Client
from consumers.deployer.openfaas.platform import OpenFaasPlatform
from consumers.deployer.openfaas.settings import GatewaySettings
from tests.heavy.gateway.played import Gateway


def settings_of(gateway: Gateway, **fields: object) -> GatewaySettings:
    """Return settings for a played gateway; a revision has two seconds to become ready."""
    plain: dict[str, object] = {
        "url": gateway.url,
        "user": gateway.user,
        "password": gateway.password,
        "installation": "here",
        "seconds": 2,
    }
    return GatewaySettings(**(plain | fields))  # type: ignore[arg-type]


def platform_of(gateway: Gateway, **fields: object) -> OpenFaasPlatform:
    """Return a platform for a played gateway; its client is closed by whoever asked."""
    settings = settings_of(gateway, **fields)
    client = Client(settings.url, settings.user, settings.password)
    return OpenFaasPlatform(client, settings)


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[Client]:
    """Yield a client that the gateway knows."""
    made = Client(gateway.url, gateway.user, gateway.password)
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def platform(gateway: Gateway) -> AsyncIterator[OpenFaasPlatform]:
    """Yield a platform of the installation ``here``."""
    made = platform_of(gateway)
    try:
        yield made
    finally:
        await made.gateway.close()
