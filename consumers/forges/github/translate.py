"""GitHub's deliveries in our words. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from consumers.forges import meaning
from consumers.forges.github import names, presses, pulls
from consumers.forges.github.payloads import (
    Account,
    InstallationChanged,
    Push,
    RepositoriesChanged,
    RepositoryRef,
)
from consumers.forges.meaning import Ignored, Meaning, Statement
from schemas.envelope import Aggregate, Delivery, tenant
from schemas.events.project import ProjectInstalled, ProjectRemoved
from schemas.events.tenant import TenantInstalled, TenantSuspended, TenantUninstalled
from schemas.ids import ZERO_SHA
from schemas.repository import Repository

FORGE: Final = "github"
EVENT: Final = "x-github-event"
OTHERS: Final[Mapping[str, Callable[[str, Delivery, str], Meaning]]] = {
    "pull_request": pulls.translate,
    "repository": names.of_repository,
    "installation_target": names.of_account,
    "organization": names.of_account,
    "check_run": presses.of_check,
    "check_suite": presses.of_suite,
}
NAMED: Final = 500  # repositories in one tenant.installed; each has a fact of its own besides


def translate(delivery: Delivery) -> Meaning:
    """Return what the delivery means; raises PayloadInvalid, which names the field."""
    match kind := delivery.headers.get(EVENT, ""):
        case "push":
            return _push(kind, meaning.decode(delivery, Push))
        case "installation":
            return _installation(kind, meaning.decode(delivery, InstallationChanged))
        case "installation_repositories":
            return _repositories(kind, meaning.decode(delivery, RepositoriesChanged))
        case _:
            return OTHERS.get(kind, _nothing)(kind, delivery, FORGE)


def _nothing(kind: str, delivery: Delivery, forge: str) -> Meaning:  # noqa: ARG001 - as the others
    works = kind == "ping"
    reason = "the webhook works" if works else "this kind of event changes nothing here"
    return Meaning(kind, Ignored(reason))


def _push(kind: str, push: Push) -> Meaning:
    repository = Repository(
        owner=push.repository.owner.login,
        name=push.repository.name,
        default_branch=push.repository.default_branch,
        clone_url=push.repository.clone_url,
        private=push.repository.private,
        installation=str(push.installation.id) if push.installation else "",
    )
    actor = _login(push.sender)
    says = meaning.push(
        FORGE,
        str(push.repository.id),
        ref=push.ref,
        before=push.before,
        after=ZERO_SHA if push.deleted else push.after,
        repository=repository,
        pusher=actor,
    )
    return Meaning(kind, says, actor)


def _installation(kind: str, change: InstallationChanged) -> Meaning:
    id, account = str(change.installation.id), change.installation.account.login
    named = change.repositories or []
    says: Ignored | tuple[Statement, ...]
    match change.action:
        case "created":
            names = tuple(repository.full_name for repository in named[:NAMED])
            installed = Statement(tenant(FORGE, account), TenantInstalled(id, names), name=account)
            says = (installed, *_added(named, id))
        case "deleted":
            gone = Statement(tenant(FORGE, account), TenantUninstalled(id), name=account)
            says = (gone, *_removed(named, "the App was uninstalled"))
        case "suspend" | "unsuspend":
            fact = TenantSuspended(suspended=change.action == "suspend")
            says = (Statement(tenant(FORGE, account), fact, name=account),)
        case action:
            says = Ignored(f"{action}: nothing changes here")
    return Meaning(kind, says, _login(change.sender))


def _repositories(kind: str, change: RepositoriesChanged) -> Meaning:
    added = _added(change.repositories_added, str(change.installation.id))
    removed = _removed(change.repositories_removed, "closed to the App by its owner")
    says = (*added, *removed) or Ignored(f"{change.action}: no repository is named")
    return Meaning(kind, says, _login(change.sender))


def _added(repositories: Iterable[RepositoryRef], installation: str) -> Iterable[Statement]:
    for repository in _each(repositories):
        owner, _, name = repository.full_name.partition("/")
        fact = ProjectInstalled(owner, name, repository.private, installation)
        yield _about(repository, fact)


def _removed(repositories: Iterable[RepositoryRef], reason: str) -> Iterable[Statement]:
    for repository in _each(repositories):
        yield _about(repository, ProjectRemoved(reason))


def _each(repositories: Iterable[RepositoryRef]) -> Iterable[RepositoryRef]:
    """Return each repository once, though it be named twice."""
    return {repository.id: repository for repository in repositories}.values()


def _about(repository: RepositoryRef, fact: ProjectInstalled | ProjectRemoved) -> Statement:
    project = str(repository.id)
    of = Aggregate(FORGE, project, "project", "")
    return Statement(of, fact, (project,), repository.full_name)


def _login(account: Account | None) -> str:
    return account.login if account else ""
