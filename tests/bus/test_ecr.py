"""Repositories at a registry that must be told first."""

from collections.abc import Iterator

import pytest

from bus.ecr import Ecr, EcrSettings, place
from schemas.errors import RegistryUnavailable
from tests.bus.ecr import ACCESS, ACCOUNT, REGION, SECRET, PlayedEcr, played_ecr

NAME = "of-community/alexellis-fns-tester"


@pytest.fixture
def played() -> Iterator[PlayedEcr]:
    """Yield the registry's API."""
    with played_ecr() as played:
        yield played


def settings(url: str, secret: str = SECRET) -> EcrSettings:
    """Return settings of the played account."""
    return EcrSettings(
        account=ACCOUNT, region=REGION, url=url, access_key=ACCESS, secret_key=secret
    )


async def test_a_repository_is_made_once(played: PlayedEcr) -> None:
    """Mutable, in the account of the host; one that exists is as good, by whomever."""
    ecr = Ecr(settings(played.url))

    assert await ecr.make(NAME)
    assert not await ecr.make(NAME)
    assert played.repositories == {
        NAME: {"registryId": ACCOUNT, "repositoryName": NAME, "imageTagMutability": "MUTABLE"}
    }


async def test_what_it_refuses_may_pass(played: PlayedEcr) -> None:
    """Wrong keys and missing rights wait for the operator, and name what mends them."""
    with pytest.raises(RegistryUnavailable, match="InvalidSignatureException") as wrong:
        await Ecr(settings(played.url, "other")).make(NAME)
    played.failing = [(400, "AccessDeniedException")]
    with pytest.raises(RegistryUnavailable, match="AccessDeniedException"):
        await Ecr(settings(played.url)).make(NAME)

    assert "PUSHLINE_ECR_ACCESS_KEY" in wrong.value.hint
    assert not played.repositories


async def test_nobody_answers() -> None:
    """The error tells the kind of failure, and no key."""
    with pytest.raises(RegistryUnavailable, match="EndpointConnectionError") as away:
        await Ecr(settings("http://127.0.0.1:9/")).make(NAME)

    assert SECRET not in f"{away.value}{away.value.hint}"
    assert SECRET not in repr(settings(""))


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("123456789012.dkr.ecr.eu-central-1.amazonaws.com", (ACCOUNT, REGION)),
        ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", (ACCOUNT, "us-gov-west-1")),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", (ACCOUNT, "cn-north-1")),
        ("public.ecr.aws", None),
        ("registry:5000", None),
        ("123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.example", None),
    ],
)
def test_which_registry_is_amazon_s(host: str, found: tuple[str, str] | None) -> None:
    """By its whole host, which has account and region; the predecessor looked for a word in it."""
    assert place(host) == found
