"""The store of secrets, as whoever runs functions sees it, and what is said of one that is not."""

from typing import Protocol

from consumers.deployer.platform import Revision
from schemas.environments import PRODUCTION, is_preview
from schemas.errors import DeployFailed


class FunctionSecrets(Protocol):
    """Hands out values; shared between tasks."""

    async def open(
        self, forge: str, project: str, owner: str, name: str, environment: str = PRODUCTION
    ) -> bytes | None:
        """Return a secret's value, None where the store has none that the environment gets."""
        ...


class NoSecrets:
    """No store: a platform may have secrets of its own, made there by hand."""

    async def open(
        self, forge: str, project: str, owner: str, name: str, environment: str = PRODUCTION
    ) -> None:
        """Have none."""


async def opened(store: FunctionSecrets, revision: Revision, name: str) -> bytes | None:
    """Return the value of one secret of a revision, None where it gets none."""
    owner, environment = revision.repository.owner, revision.environment
    return await store.open(revision.forge, revision.project, owner, name, environment)


def absent(revision: Revision, name: str, field: str, *, otherwise: str = "") -> DeployFailed:
    """Return what to raise for a secret that a revision does not get; ``otherwise``: a way more."""
    command = f"pushline secrets set {revision.repository.full_name} {name}"
    if is_preview(revision.environment):
        message = f"{field}: previews do not get the secret {name}"
        return DeployFailed(message, hint=f"{command} --previews")
    return DeployFailed(f"{field}: there is no secret {name}", hint=command + otherwise)
