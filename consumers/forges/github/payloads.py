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


class LoginBefore(msgspec.Struct, frozen=True):
    """What an account was called."""

    from_: Text = msgspec.field(name="from")


class LoginChanges(msgspec.Struct, frozen=True):
    """What a renaming changed."""

    login: LoginBefore


class AccountRenamed(msgspec.Struct, frozen=True):
    """Events ``installation_target`` and ``organization``, when they rename."""

    changes: LoginChanges
    account: Account | None = None  # of the one
    organization: Account | None = None  # of the other
    sender: Account | None = None


class Action(msgspec.Struct, frozen=True):
    """What happened, where the rest depends on it."""

    action: Text


class RepositoryName(msgspec.Struct, frozen=True):
    """A repository as an event about itself shows it; an empty one may lack the rest."""

    id: int
    name: Text
    owner: Account
    private: bool = False

    @property
    def full_name(self) -> str:
        """Return ``owner/name``."""
        return f"{self.owner.login}/{self.name}"


class RepositoryChanged(msgspec.Struct, frozen=True):
    """Event ``repository``."""

    action: Text
    repository: RepositoryName
    sender: Account | None = None


class CheckRun(msgspec.Struct, frozen=True):
    """A check run, with what we wrote on it."""

    external_id: str | None = None


class RequestedAction(msgspec.Struct, frozen=True):
    """A button that we put under a check run."""

    identifier: str = ""


class CheckRunPressed(msgspec.Struct, frozen=True):
    """Event ``check_run``."""

    action: Text
    check_run: CheckRun
    repository: RepositoryName
    sender: Account
    requested_action: RequestedAction | None = None
    installation: InstallationRef | None = None


class CheckSuite(msgspec.Struct, frozen=True):
    """All check runs of a commit that are ours."""

    id: int


class CheckSuitePressed(msgspec.Struct, frozen=True):
    """Event ``check_suite``."""

    action: Text
    check_suite: CheckSuite
    repository: RepositoryName
    sender: Account
    installation: InstallationRef | None = None
