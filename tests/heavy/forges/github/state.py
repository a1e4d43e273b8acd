"""What a GitHub knows: accounts, an App, its installations, repositories, pull requests, tokens."""

import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

PERMISSIONS = {
    "metadata": "read",
    "contents": "read",
    "checks": "write",
    "statuses": "write",
    "pull_requests": "write",
}
EVENTS = ("push", "pull_request", "repository", "check_run", "check_suite")
LEVELS = {"read": 1, "write": 2, "admin": 3}


@cache
def key() -> RSAPrivateKey:
    """Return the one key of all played Apps: making one takes a while."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def pem() -> str:
    """Return it as GitHub gives it out."""
    form = PrivateFormat.TraditionalOpenSSL
    return key().private_bytes(Encoding.PEM, form, NoEncryption()).decode()


@dataclass
class Account:
    """A user or an organization; its id stays, whatever it is called."""

    id: int
    login: str
    type: str = "User"  # Organization


@dataclass
class Moved:
    """A branch was elsewhere from then on; an empty sha is no commit."""

    id: int
    repository: int
    branch: str
    before: str
    after: str
    by: Account
    at: float


@dataclass
class PullRequest:
    """A wish that a branch is merged."""

    id: int
    number: int
    head_repository: int
    head_branch: str
    base_branch: str
    author: Account
    sha: str
    title: str = "A change"
    state: str = "open"  # closed
    merged: bool = False
    updated: float = 0.0


@dataclass
class Repository:
    """A repository; its id stays, whatever it is called."""

    id: int
    owner: str
    name: str
    private: bool = True
    default_branch: str = "main"
    branches: dict[str, str] = field(default_factory=dict)
    pulls: dict[int, PullRequest] = field(default_factory=dict)  # by number
    folder: Path | None = None  # a bare repository of git, where it can be cloned
    writers: set[str] = field(default_factory=set)  # logins that may push, its owner apart

    @property
    def full_name(self) -> str:
        """Return ``owner/name``."""
        return f"{self.owner}/{self.name}"

    def permission(self, login: str) -> str:
        """Return what an account may here: admin write read none."""
        if login.lower() == self.owner.lower():
            return "admin"
        if login in self.writers:
            return "write"
        return "none" if self.private else "read"


@dataclass
class Installation:
    """The App on an account."""

    id: int
    account: str
    repositories: set[int] = field(default_factory=set)
    permissions: dict[str, str] = field(default_factory=lambda: dict(PERMISSIONS))
    suspended: bool = False


@dataclass
class Grant:
    """What an installation token is good for."""

    installation: Installation
    repositories: frozenset[int] | None  # None: all of the installation
    permissions: dict[str, str]
    until: float

    def reaches(self, repository: Repository) -> bool:
        """Tell whether it opens a repository, now."""
        named = self.repositories is None or repository.id in self.repositories
        return named and repository.id in self.installation.repositories


class State:
    """All of it. One thread does things at a time; ``clock`` is GitHub's own."""

    def __init__(self, root: Path, seed: int = 0, clock: Callable[[], float] = time.time) -> None:
        self.root = root
        self.seed = seed
        self.random = random.Random(seed)
        self.clock = clock
        self.url = ""
        self.app_id = 4711
        self.client_id = "Iv23liPlayed0123"
        self.permissions = dict(PERMISSIONS)
        self.events = list(EVENTS)
        self.accounts: dict[str, Account] = {}  # by login in lower case
        self.installations: dict[int, Installation] = {}
        self.repositories: dict[int, Repository] = {}
        self.moved: dict[str, int] = {}  # old full names
        self.moves: list[Moved] = []  # of branches, as the list of activities has them
        self.suites: dict[int, tuple[int, str]] = {}  # of checks: repository and commit
        self.grants: dict[str, Grant] = {}
        self.token_life = 3600.0
        self.complaints: list[str] = []  # about requests against the documentation
        self._counted = 0

    def complain(self, what: str) -> None:
        """Note what no careful client does."""
        self.complaints.append(f"GitHub: {what}")

    def next(self) -> int:
        """Return a number that nothing has."""
        self._counted += 1
        return self._counted

    def account(self, login: str, *, type: str = "User") -> Account:
        """Return an account, made when it is named for the first time."""
        made = self.accounts.get(login.lower())
        if made is None:
            made = self.accounts[login.lower()] = Account(70_000 + self.next(), login, type)
        return made

    def named(self, full_name: str) -> Repository | None:
        """Return who has this name now."""
        name = full_name.lower()
        found = (each for each in self.repositories.values() if each.full_name.lower() == name)
        return next(found, None)

    def installation_of(self, repository: Repository) -> Installation | None:
        """Return the installation that a repository is open to."""
        found = (one for one in self.installations.values() if repository.id in one.repositories)
        return next(found, None)

    def grant(
        self,
        installation: Installation,
        repositories: frozenset[int] | None,
        permissions: dict[str, str],
    ) -> str:
        """Return a new token; it is longer than the forty characters of old."""
        token = f"ghs_{self.app_id}_{secrets.token_urlsafe(90)}"
        until = self.clock() + self.token_life
        self.grants[token] = Grant(installation, repositories, permissions, until)
        return token
