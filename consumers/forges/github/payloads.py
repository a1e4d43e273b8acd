"""GitHub's payloads: only the fields that are used; whatever else is there is passed over.

Names and optional fields as in https://docs.github.com/webhooks/webhook-events-and-payloads.
"""

import msgspec

from consumers.forges.meaning import CloneUrl, Text
from schemas.ids import Sha


class Account(msgspec.Struct, frozen=True):
    """A user or an organization."""

    login: Text


class Repository(msgspec.Struct, frozen=True):
    """A repository as a push shows it."""

    id: int
    name: Text
    owner: Account
    default_branch: Text
    clone_url: CloneUrl
    private: bool = False


class RepositoryRef(msgspec.Struct, frozen=True):
    """A repository as an installation lists it."""

    id: int
    full_name: Text
    private: bool = False


class InstallationRef(msgspec.Struct, frozen=True):
    """Which installation of the App a push came by."""

    id: int


class Installation(msgspec.Struct, frozen=True):
    """An installation and whose it is."""

    id: int
    account: Account


class Push(msgspec.Struct, frozen=True):
    """Event ``push``."""

    ref: Text
    before: Sha
    after: Sha
    repository: Repository
    sender: Account | None = None
    deleted: bool = False
    installation: InstallationRef | None = None  # only for an App


class InstallationChanged(msgspec.Struct, frozen=True):
    """Event ``installation``."""

    action: Text
    installation: Installation
    repositories: list[RepositoryRef] | None = None
    sender: Account | None = None


class RepositoriesChanged(msgspec.Struct, frozen=True):
    """Event ``installation_repositories``."""

    action: Text
    installation: Installation
    repositories_added: list[RepositoryRef] = []
    repositories_removed: list[RepositoryRef] = []
    sender: Account | None = None
