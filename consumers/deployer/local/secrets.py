"""Secrets of a revision as files: by the name in stack.yml, and by the name at a gateway.

A program that reads the one or the other runs here as it does there.
"""

from typing import Final

from consumers.deployer.platform import Revision
from consumers.deployer.secrets import FunctionSecrets, absent, opened
from schemas.errors import DeployFailed
from schemas.secrets import SecretInvalid, bound_name

MOST: Final = 1024 * 1024  # bytes of one function's secrets


async def files_of(store: FunctionSecrets, revision: Revision) -> dict[str, bytes]:
    """Return the files by name; raises DeployFailed, which names a secret that is not there."""
    found: dict[str, bytes] = {}
    for place, name in enumerate(revision.spec.secrets):
        field = f"functions.{revision.spec.name}.secrets[{place}]"
        try:
            names = (name, bound_name(revision.label, name))
        except SecretInvalid as error:
            raise DeployFailed(f"{field}: {error.message}", hint=error.hint) from error
        value = await opened(store, revision, name)
        if value is None:
            raise absent(revision, name, field)
        found |= dict.fromkeys(names, value)
    if sum(map(len, found.values())) > 2 * MOST:
        message = f"functions.{revision.spec.name}.secrets: over {MOST // 2**20} MiB together"
        raise DeployFailed(message, hint="secrets are short texts: keep the rest elsewhere")
    return found
