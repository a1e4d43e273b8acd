"""What functions, secrets and images are called, by the predecessor's own vectors."""

from pathlib import Path

import pytest

from consumers.builder.recipe import ContainerSettings
from consumers.builder.references import Names, registry, repository
from consumers.builder.requests import RequestBuilder
from consumers.deployer.openfaas import names
from consumers.forges.github.translate import translate
from consumers.forges.meaning import Ignored
from consumers.planner.labels import slug
from edge.auth.policy import Resource
from edge.predecessor import listed
from tests.consumers.deployer.machine import revision_of
from tests.consumers.forges.samples import delivery, github_push
from tests.predecessor.conformance.function import row


@pytest.mark.conformance("FormatServiceName")
@pytest.mark.parametrize("function", ["ExampleFunction", "examplefunction"])
def test_a_service_is_owner_and_function(function: str) -> None:
    """FormatServiceName: ``<owner>-<function>``, both in small letters, at gateway and in lists."""
    revision = revision_of(label=slug("ExampleName"), function=function)

    assert names.services(revision)[0] == "examplename-examplefunction"
    assert listed.service(row("ExampleName", "examplefunction")) == "examplename-examplefunction"


@pytest.mark.conformance("secrets")
def test_a_secret_has_its_owner_before_it() -> None:
    """Secrets: s1 of alexellis is alexellis-s1, and a name never is another tenant's."""
    made = [names.secret("alexellis", name, "functions.fn.secrets") for name in ("s1", "s2")]

    assert made == ["alexellis-s1", "alexellis-s2"]
    assert names.secret("alex", "ellis-s1", "") != names.secret("alex-ellis", "s1", "")


@pytest.mark.conformance("EventKey")
def test_a_tag_is_no_branch() -> None:
    """EventKey: it keyed on the last word of any ref; a tag of a branch's name builds nothing."""
    says = translate(delivery("github", "push", github_push(ref="refs/tags/simple-tag"))).says

    assert isinstance(says, Ignored)
    assert says.reason.startswith("a tag: simple-tag")


@pytest.mark.conformance("getImageName")
def test_what_is_pushed_here_is_pulled_there() -> None:
    """GetImageName: pushed to one name of the registry, run from the other, by its digest."""
    made = Names(
        registry("registry:31115"), registry("127.0.0.1:31115"), "username/function-name", "latest"
    )

    assert made.target == "registry:31115/username/function-name:latest"
    assert made.reference("sha256:1") == "127.0.0.1:31115/username/function-name@sha256:1"


@pytest.mark.conformance("validImage")
def test_errors_are_no_images(tmp_path: Path) -> None:
    """ValidImage: an engine's complaint, blanks and a number are no names; names of ours are."""
    ours = registry("docker.io/ofcommunity/")
    settings = ContainerSettings(
        url="docker:///x", registry=ours, push_registry=ours, work=tmp_path
    )
    builder = RequestBuilder(settings)
    good = "docker.io/ofcommunity/someuser/repo-name-function_name"

    assert [builder.refusal(name) for name in (good, f"{good}:latest-master-04b8e44")] == ["", ""]
    for wrong in ("failed to solve: rpc error: code = 2", "-1", "", " ", "error:"):
        assert builder.refusal(wrong)


@pytest.mark.conformance("ECR GetRepository")
def test_the_repository_of_an_image() -> None:
    """ECR GetRepository: all behind the host, before the tag, in small letters."""
    amazon = registry("123456789012.dkr.ecr.eu-central-1.amazonaws.com/ofbuilder")
    made = Names(amazon, amazon, repository("go-for-IT", "Mug", "fn", shared=False), "0.3")

    assert made.pushed == "ofbuilder/go-for-it/mug-fn"
    assert f"{amazon.host}/{made.pushed}:0.3" == made.target


@pytest.mark.conformance("getUser")
@pytest.mark.parametrize(
    ("name", "owner"),
    [("exampleusername/exampleproject", "exampleusername"), ("a:b", ""), ("", "")],
)
def test_whose_a_repository_is(name: str, owner: str) -> None:
    """GetUser: what stands before the name; without a slash it is nobody's, and nobody may."""
    assert Resource.of("gitlab", name).owner == owner
