"""Both played forges in the same words: what is pushed, and what they show of it."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from tests.heavy.forges.github.doors import SECONDARY, Said
from tests.heavy.forges.github.played import Played as PlayedGitHub
from tests.heavy.forges.github.played import played_github
from tests.heavy.forges.github.sending import Weather as GitHubWeather
from tests.heavy.forges.github.state import Installation
from tests.heavy.forges.gitlab.played import Played as PlayedGitLab
from tests.heavy.forges.gitlab.played import played_gitlab
from tests.heavy.forges.gitlab.sending import Weather
from tests.heavy.forges.gitlab.state import MAINTAINER, Project, User

STACK: Final = """\
version: 1.0
provider: {{name: openfaas}}
functions:
  {0}: {{lang: static, handler: ./{0}}}
"""
SECRET: Final = "a secret of webhooks"
A_MINUTE: Final = 120  # requests to GitLab
REFUSED: Final = 3  # of those to GitHub


def files(function: str, text: str) -> dict[str, str]:
    """Return a repository whose one function says a text."""
    return {"stack.yml": STACK.format(function), f"{function}/index.html": text}


@dataclass
class Pushed:
    """A project, and what was pushed to it."""

    handle: Any
    id: str  # as the forge knows it
    owner: str
    name: str  # of the project, and of its one function
    heads: list[tuple[str, str]] = field(default_factory=list)  # sha and text, the newest last


class Side(Protocol):
    """One played forge."""

    @property
    def forge(self) -> str:
        """Return its name."""
        ...

    @property
    def words(self) -> Mapping[str, str]:
        """Return what it calls what we call success, cancelled and failure."""
        ...

    def settings(self) -> dict[str, str]:
        """Return what a Pushline is told of it."""
        ...

    def listen(self, port: int) -> None:
        """Tell a Pushline on loopback of whatever happens from now on."""
        ...

    def project(self, owner: str, name: str) -> Pushed:
        """Make a project."""
        ...

    def push(self, project: Pushed, text: str) -> None:
        """Push a version of its function to the default branch."""
        ...

    def storm(self, lost: float) -> None:
        """Let webhooks be lost, late and doubled, and requests fail."""
        ...

    def limit(self) -> None:
        """Let there be too many requests, for seconds or until the minute is over.

        Whoever asks now was told of nothing yet.
        """
        ...

    async def calm(self) -> None:
        """End the bad weather; return when nothing is on its way."""
        ...

    def shown(self, project: Pushed, sha: str) -> dict[str, list[str]]:
        """Return each context of a commit with the state of all that have its name."""
        ...

    @property
    def complaints(self) -> list[str]:
        """Return what its clients did against its documentation."""
        ...


class GitLabSide:
    """A played GitLab, with one system hook."""

    forge: Final = "gitlab"
    words: Final = {"success": "success", "cancelled": "canceled", "failure": "failed"}

    def __init__(self, played: PlayedGitLab) -> None:
        """Make the accounts of the pusher and of Pushline."""
        self.played, self.world = played, played.world
        self.alice: User = self.world.user("alice")
        self.pushline: User = self.world.user("pushline")

    def settings(self) -> dict[str, str]:
        """Return its address, a token of Pushline's and the webhook's."""
        return {
            "PUSHLINE_GITLAB_URL": self.played.url,
            "PUSHLINE_GITLAB_TOKEN": self.world.token(self.pushline),
            "PUSHLINE_GITLAB_WEBHOOK_TOKEN": SECRET,
        }

    def listen(self, port: int) -> None:
        """Set up the hook."""
        self.world.hook(f"http://127.0.0.1:{port}/gitlab-event", token=SECRET)
        self.world.sender.auto_disable = False  # a storm would silence it for hours

    def project(self, owner: str, name: str) -> Pushed:
        """Make a private project of alice's, in which Pushline is a maintainer."""
        members = {self.pushline.id: MAINTAINER}
        path, topics = f"{owner}/{name}", ("openfaas-cloud",)
        made = self.world.project(path, topics=topics, by=self.alice, members=members)
        return Pushed(made, str(made.id), owner, name)

    def push(self, project: Pushed, text: str) -> None:
        """Push to main."""
        handle: Project = project.handle
        sha = self.world.push(handle, "main", files(project.name, text), by=self.alice)
        project.heads.append((sha, text))

    def storm(self, lost: float) -> None:
        """Begin the bad weather."""
        self.world.sender.weather = Weather(lost=lost, twice=0.2, late=0.4, seconds=0.5)
        self.played.doors.bad_weather = 0.1

    def limit(self) -> None:
        """Give so many requests a minute."""
        self.played.doors.silent.clear()
        self.played.doors.limit = A_MINUTE

    async def calm(self) -> None:
        """End it."""
        self.world.sender.weather = Weather()
        self.played.doors.bad_weather = 0.0
        self.played.doors.limit = 0
        await self.world.calm()

    def shown(self, project: Pushed, sha: str) -> dict[str, list[str]]:
        """Return the external jobs."""
        found: dict[str, list[str]] = {}
        for job in self.played.areas["Statuses"].jobs:  # type: ignore[attr-defined]
            if (job.project, job.sha) == (project.handle.id, sha):
                found.setdefault(job.name, []).append(job.status)
        return found

    @property
    def complaints(self) -> list[str]:
        """Return what the world complains of."""
        return self.world.complaints


class GitHubSide:
    """A played GitHub, whose App is on each account, for all that it has."""

    forge: Final = "github"
    words: Final = {"success": "success", "cancelled": "cancelled", "failure": "failure"}

    def __init__(self, played: PlayedGitHub) -> None:
        """Begin without accounts."""
        self.played, self.world = played, played.world
        self.installed: dict[str, Installation] = {}

    def settings(self) -> dict[str, str]:
        """Return the App's, and the webhook's secret."""
        return self.played.settings() | {"PUSHLINE_GITHUB_WEBHOOK_SECRET": SECRET}

    def listen(self, port: int) -> None:
        """Set up the App's webhook."""
        sender = self.world.sender
        sender.url, sender.secret = f"http://127.0.0.1:{port}/github-event", SECRET

    def project(self, owner: str, name: str) -> Pushed:
        """Make a private repository that the App may read."""
        made = self.world.repository(f"{owner}/{name}", private=True)
        if owner in self.installed:
            self.world.open_to(self.installed[owner], made)
        else:
            self.installed[owner] = self.world.install(owner, made)
        return Pushed(made, str(made.id), owner, name)

    def push(self, project: Pushed, text: str) -> None:
        """Push to main."""
        sha = self.world.push(project.handle, "main", files(project.name, text))
        project.heads.append((sha, text))

    def storm(self, lost: float) -> None:
        """Begin the bad weather."""
        self.world.sender.weather = GitHubWeather(lost=lost, twice=0.2, late=0.4, seconds=0.5)
        self.played.doors.bad_weather = 0.1

    def limit(self) -> None:
        """Refuse some requests, as GitHub's secondary limits do."""
        self.played.doors.silent.clear()
        self.played.doors.refuse += [Said(403, SECONDARY, Retry_After="2") for _ in range(REFUSED)]

    async def calm(self) -> None:
        """End it."""
        self.world.sender.weather = GitHubWeather()
        self.played.doors.bad_weather = 0.0
        await self.world.calm()

    def shown(self, project: Pushed, sha: str) -> dict[str, list[str]]:
        """Return the check runs."""
        checks = self.played.areas["Checks"].of(project.handle, sha)  # type: ignore[attr-defined]
        return {name: [one.state for one in runs] for name, runs in checks.items()}

    @property
    def complaints(self) -> list[str]:
        """Return what the world complains of."""
        return self.world.complaints


@contextmanager
def _github(folder: Path, seed: int) -> Iterator[Side]:
    with played_github(folder / "github", seed) as played:
        yield GitHubSide(played)


@contextmanager
def _gitlab(folder: Path, seed: int) -> Iterator[Side]:
    with played_gitlab(folder / "gitlab", seed) as played:
        yield GitLabSide(played)


def opened_sides(folder: Path, seed: int) -> list[AbstractContextManager[Side]]:
    """Return both forges, to be entered; their weather follows the seed."""
    return [_github(folder, seed), _gitlab(folder, seed)]
