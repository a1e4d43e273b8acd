"""What a gateway says of functions that are not ours."""

import json

import msgspec
import pytest

from consumers.deployer.openfaas.answers import GatewayDenied
from consumers.deployer.openfaas.client import Gateway as Client
from consumers.deployer.openfaas.names import mark_of
from consumers.deployer.openfaas.wire import Deployment, Status
from schemas.errors import Retry
from tests.heavy.gateway.played import Gateway

ORDER = Deployment(service="hello", image="127.0.0.1:5000/alice/hello@sha256:" + "1" * 64)


@pytest.mark.weakness(25)
@pytest.mark.parametrize("labels", [{}, {"labels": None}, {"labels": {}, "annotations": None}])
def test_a_function_without_labels_is_nobodys(labels: dict[str, None]) -> None:
    """It dereferenced labels that were not there; ours reads them, and leaves the function be."""
    status = msgspec.json.decode(json.dumps({"name": "by-hand"} | labels), type=Status)

    assert mark_of(status, "here") is None


@pytest.mark.weakness(25)
async def test_a_failed_deletion_is_no_deletion(gateway: Gateway) -> None:
    """It counted what it could not delete as deleted; ours says so, and is asked again."""
    client = Client(gateway.url, gateway.user, gateway.password)
    await client.apply(ORDER, exists=False, timeout=20)
    gateway.weather.status, gateway.weather.only = 500, "DELETE /system/functions"
    with pytest.raises(Retry):
        await client.delete("hello")
    there = await client.function("hello")
    gateway.weather.status = 0

    gone = await client.delete("hello"), await client.delete("hello")
    await client.close()

    assert there is not None
    assert gone == (True, False)


@pytest.mark.weakness(27)
async def test_namespaces_are_asked_for_with_a_password(gateway: Gateway) -> None:
    """Its provider told them to anybody; ours sends the password with every call it makes."""
    known, stranger = Client(gateway.url, gateway.user, gateway.password), Client(gateway.url)
    namespaces = await known.namespaces()
    with pytest.raises(GatewayDenied):
        await stranger.namespaces()
    await known.close()
    await stranger.close()

    assert namespaces == ["openfaas-fn"]
