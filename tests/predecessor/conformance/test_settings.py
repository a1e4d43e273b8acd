"""What operators and stacks may say, by the predecessor's own vectors."""

from pathlib import Path
from typing import Any

import pytest

from bus.settings import BusSettings
from consumers.customers.listing import EVERYBODY, changes, parse
from consumers.deployer.openfaas.client import Gateway
from consumers.deployer.openfaas.deployment import deployment
from consumers.deployer.openfaas.wire import Deployment
from consumers.forges.customers import admits
from edge.cli.gateways import gateway_settings
from edge.cli.settings import Settings
from edge.cli.stores import with_blobs
from edge.cli.variables import load
from schemas.stack_spec import Resources
from tests.consumers.deployer.machine import revision_of


def order(chosen: Settings | None = None, **fields: Any) -> Deployment:
    """Return the order of a function whose stack says this."""
    revision = revision_of(reference="registry/a/b@sha256:1", **fields)
    return deployment(revision, "a-b", gateway_settings(chosen or Settings(), "log"), now=0)


def limits(chosen: Settings | None = None, **fields: Any) -> tuple[str, str]:
    """Return the memory and CPU of that order."""
    found = order(chosen, **fields).limits
    assert found is not None
    return found.memory, found.cpu


@pytest.mark.conformance("router config")
def test_where_it_listens_and_calls() -> None:
    """Router config: another port, or 8080; a gateway's address with or without its slash."""
    assert load(Settings, {"PUSHLINE_LISTEN": "127.0.0.1:8081"}).listen == "127.0.0.1:8081"
    assert load(Settings, {}).listen == "127.0.0.1:8080"
    for url in ("http://gateway:8080", "http://gateway:8080/"):
        chosen = load(Settings, {"PUSHLINE_GATEWAY_URL": url})
        assert gateway_settings(chosen, "").url == "http://gateway:8080"


@pytest.mark.conformance("ValidateCustomers")
def test_who_is_let_in_without_a_list() -> None:
    """ValidateCustomers: nobody where nothing is said, and everybody for a star alone."""
    assert load(Settings, {}).customers == ""
    assert not admits((), "github", "alexellis")
    assert admits((f"github {EVERYBODY}",), "github", "alexellis")


@pytest.mark.conformance("ValidateCustomerList")
@pytest.mark.parametrize(
    ("names", "good"),
    [
        ("alexellis stefan ivana", True),
        ("alexellis alexellis-suffix ivana", False),
        ("stefan-prodan stefan", False),
        ("stefan-prodan ivana", True),
        ("alexellis alexe", True),
    ],
)
def test_names_that_collide_are_not_both_let_in(names: str, *, good: bool) -> None:
    """ValidateCustomerList: its five lists; the first of two stays."""
    said = changes(parse(names.replace(" ", "\n")), ())

    assert (not said.refused) == good
    assert ("github", names.split(maxsplit=1)[0]) in said.admitted


@pytest.mark.conformance("Customers.Get")
@pytest.mark.parametrize(
    "text", ["openfaas\ninlets", "openfaas\r\ninlets\r\n", " OpenFaaS \n\nInlets"]
)
def test_a_list_has_an_account_a_line(text: str) -> None:
    """Customers.Get: both are found, whatever the case and the ends of lines."""
    listed = {f"{forge} {owner}" for forge, owner in parse(text)}

    assert admits(listed, "github", "OpenFaaS")
    assert admits(listed, "gitlab", "inlets")
    assert not admits(listed, "github", "openfaas-x")


@pytest.mark.conformance("CreateServiceURL")
@pytest.mark.conformance("combineURL")
@pytest.mark.parametrize(
    "url", ["http://gateway:8080", "http://gateway.openfaas:8080", "http://gateway"]
)
def test_an_address_is_taken_as_it_stands(url: str) -> None:
    """CreateServiceURL and combineURL: nothing is put into a host; one slash before a path."""
    assert gateway_settings(Settings(gateway_url=url), "").url == url
    assert Gateway(f"{url}/").url + "/system/info" == f"{url}/system/info"


@pytest.mark.conformance("memory")
def test_memory_has_kubernetes_units() -> None:
    """Memory: of 30 it is 30Mi, everywhere; without a word 256Mi, and the stack's own word."""
    assert limits(Settings(function_memory=30))[0] == "30Mi"
    assert limits()[0] == "256Mi"
    assert limits(limits=Resources("64Mi"))[0] == "64Mi"


@pytest.mark.conformance("CPU")
def test_cpu_is_limited_where_somebody_says_so() -> None:
    """CPU: 250m is 250m; where nobody says anything there is no limit."""
    assert limits(limits=Resources("64Mi", "250m"))[1] == "250m"
    assert limits()[1] == ""


@pytest.mark.conformance("getConfig")
def test_how_many_replicas_there_may_be() -> None:
    """GetConfig: 4, or what the operator says."""
    label = "com.openfaas.scale.max"

    assert order().labels[label] == "4"
    assert order(load(Settings, {"PUSHLINE_REPLICAS_MOST": "10"})).labels[label] == "10"


@pytest.mark.conformance("annotations")
def test_annotations_arrive() -> None:
    """Annotations: topic arrives as ever, and so does what it dropped without a word."""
    given = {"topic": "orders", "com.url": "https://x.example"}

    assert order(annotations=given).annotations.items() >= given.items()


@pytest.mark.conformance("readonly fs")
@pytest.mark.parametrize("said", [True, False])
def test_a_file_system_may_be_read_only(*, said: bool) -> None:
    """Readonly fs: as the stack says, for each function."""
    assert order(readonly_root_filesystem=said).readOnlyRootFilesystem is said


@pytest.mark.conformance("s3_tls")
def test_a_store_is_a_bucket_at_a_url() -> None:
    """S3_tls: the URL's scheme says it; the bucket is pipeline, the region us-east-1."""
    for url in ("http://minio:9000", "https://minio:9000"):
        chosen = load(Settings, {"PUSHLINE_BLOBS": "s3", "PUSHLINE_S3_URL": url})
        s3 = with_blobs(BusSettings(home=Path("/home")), chosen).s3
        assert s3 is not None
        assert (s3.url, s3.bucket, s3.region) == (url, "pipeline", "us-east-1")
