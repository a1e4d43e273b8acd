"""What source and builder are told of quotas, out of the operator's settings."""

from datetime import UTC, datetime

from consumers.source.quota import Usual
from edge.cli import allotting
from edge.cli.quota_settings import default_quota
from edge.cli.settings import Settings
from schemas.envelope import Recorded, tenant
from schemas.events.tenant import TenantQuotaSet
from schemas.quotas import Quota


def test_every_quota_has_a_setting() -> None:
    """Each kind has one of its name, and what is not set is unlimited."""
    chosen = Settings(quota_functions=1, quota_replicas=2, quota_memory=3, quota_builds=4)

    assert default_quota(chosen) == Quota(functions=1, replicas=2, memory=3, builds=4)
    assert default_quota(Settings()) == Quota()


def test_what_a_function_takes_is_the_platform_s_to_say() -> None:
    """Here it is one process of the usual memory; behind a gateway stacks say, within limits."""
    here = Settings(function_memory=128)
    behind = Settings(
        platform="openfaas", function_memory=512, memory_most="256Mi", replicas_most=3
    )

    assert allotting.usual(here) == Usual(replicas=1, memory=128)
    assert allotting.usual(behind) == Usual(replicas=3, memory=256, by_stack=True)


def test_what_was_said_of_an_account_holds_for_its_builds() -> None:
    """At once, and for that account alone."""
    fold, allowed = allotting.builds(Settings(quota_builds=2), None)
    assert allowed("github acme") == 2

    fact = TenantQuotaSet(builds=5)
    at = datetime(2026, 1, 31, tzinfo=UTC)
    fold.apply([Recorded(fact=fact, of=tenant("github", "Acme"), id="1", seq=1, time=at)])

    assert (allowed("github acme"), allowed("github other")) == (5, 2)
