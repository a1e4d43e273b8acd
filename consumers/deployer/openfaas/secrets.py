"""Secrets on their way to functions: from our store to the gateway, or already there."""

from typing import Protocol

from consumers.deployer.openfaas import names
from consumers.deployer.openfaas.client import Gateway
from consumers.deployer.platform import Revision
from schemas.environments import PRODUCTION, is_preview
from schemas.errors import DeployFailed


class FunctionSecrets(Protocol):
    """The store of secrets, as whoever deploys sees it; shared between tasks."""

    async def open(
        self, forge: str, project: str, owner: str, name: str, environment: str = PRODUCTION
    ) -> bytes | None:
        """Return a secret's value, None where the store has none that the environment gets."""
        ...


class NoSecrets:
    """No store: all secrets are made at the gateway, by hand."""

    async def open(
        self, forge: str, project: str, owner: str, name: str, environment: str = PRODUCTION
    ) -> None:
        """Have none."""


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
        value = await store.open(
            revision.forge,
            revision.project,
            revision.repository.owner,
            name,
            revision.environment,
        )
        if value is None and is_preview(revision.environment):
            raise DeployFailed(  # what the gateway has of that name may be production's
                f"{field}: previews do not get the secret {name}",
                hint=f"pushline secrets set {revision.repository.full_name} {name} --previews",
            )
        if value is not None:
            await gateway.set_secret(known, value, namespace)
        elif known not in there:
            command = f"pushline secrets set {revision.repository.full_name} {name}"
            raise DeployFailed(
                f"{field}: there is no secret {name}",
                hint=f"{command}, or make {known} at the gateway",
            )
