"""Facts about a secret of a project, or of a tenant; its value is in none of them.

The id is the name, within its project; a tenant's secret stands above projects as ``owner/name``.
"""

from typing import Literal

from schemas.environments import PRODUCTION, Kind
from schemas.events import Event
from schemas.ids import Digest, Sha

ScopeKind = Literal["project", "tenant"]


class SecretSealed(Event, frozen=True, tag="secret.sealed/1"):
    """A secret has a value, sealed in a blob. Written by edge, read by secrets.

    The blob is padded, so that its size says little about the value's.
    """

    name: str
    scope: ScopeKind  # who gets it: one project, or all of a tenant
    key_id: str  # of the key that opens it
    sealed: Digest  # of the blob
    replaces: str = ""  # digest of the blob that held it before, which goes; "" for none
    resealed: bool = False  # the value is as it was, only the key is another
    environments: tuple[Kind, ...] = (PRODUCTION,)  # which get it: previews only where it says so


class SecretBound(Event, frozen=True, tag="secret.bound/1"):
    """A SealedSecret of a repository's secrets.yml is in the cluster. Written by secrets.

    The id is ``<namespace>/<name>``; whoever seals it for the cluster is the cluster's to know.
    """

    name: str  # in the cluster, <label>-<name>
    namespace: str
    keys: tuple[str, ...]  # files that a function finds
    digest: Digest  # of what was applied
    sha: Sha | None = None  # the first commit that declares it as it is


class SecretUnbound(Event, frozen=True, tag="secret.unbound/1"):
    """A SealedSecret is out of the repository, and out of the cluster. Written by secrets."""

    name: str
    namespace: str
    reason: str = ""


class SecretUnwanted(Event, frozen=True, tag="secret.unwanted/1"):
    """A SealedSecret's project ended; what was not bound since is to go. Written by collector.

    Read by secrets, which takes it out of the cluster and says so.
    """

    name: str
    namespace: str
    reason: str = ""


class SecretRemoved(Event, frozen=True, tag="secret.removed/1"):
    """A secret is no more. Written by edge, read by secrets."""

    name: str
    scope: ScopeKind
    sealed: Digest  # of the blob that held it, which goes
