"""Secrets on their way to functions: from our store to the gateway, or already there."""

from consumers.deployer.openfaas import names
from consumers.deployer.openfaas.client import Gateway
from consumers.deployer.platform import Revision
from consumers.deployer.secrets import FunctionSecrets, absent, opened
from schemas.environments import is_preview


async def bind(
    gateway: Gateway, store: FunctionSecrets, revision: Revision, namespace: str
) -> None:
    """Have every secret of a function at the gateway; raises DeployFailed, which names one.

    Twice is harmless: the same values are written again.
    """
    if not revision.spec.secrets:
        return
    there = await gateway.secrets(namespace)
    for place, name in enumerate(revision.spec.secrets):
        field = f"functions.{revision.spec.name}.secrets[{place}]"
        known = names.secret(revision.label, name, field)
        value = await opened(store, revision, name)
        if value is not None:
            await gateway.set_secret(known, value, namespace)
        elif known not in there or is_preview(revision.environment):  # there: production's
            raise absent(revision, name, field, otherwise=f", or make {known} at the gateway")
