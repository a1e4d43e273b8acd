"""A GitHub's World: does what people do there, and tells the App's webhook of it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from tests.heavy.forges import git
from tests.heavy.forges.github import payloads
from tests.heavy.forges.github.sending import Sender
from tests.heavy.forges.github.state import (
    Account,
    Installation,
    Moved,
    PullRequest,
    Repository,
    State,
)

__all__ = ["Installation", "Repository", "World"]

Files = Mapping[str, str | bytes | None]


class World(State):
    """Whatever changes is told, if the App listens to it there."""

    sender: Sender  # set by the server

    def repository(self, full_name: str, **more: Any) -> Repository:
        """Make an empty repository."""
        owner, _, name = full_name.partition("/")
        self.account(owner)
        id = 500_000 + self.next()
        made = Repository(id, owner, name, folder=self.root / f"{id}.git", **more)
        assert made.folder is not None
        git.create(made.folder)
        self.repositories[id] = made
        return made

    def fork(self, original: Repository, full_name: str) -> Repository:
        """Fork a repository with all its branches."""
        made = self.repository(full_name, private=original.private)
        made.default_branch = original.default_branch
        assert made.folder is not None
        assert original.folder is not None
        for branch, sha in original.branches.items():
            git.fetch(made.folder, original.folder, branch, f"refs/heads/{branch}")
            made.branches[branch] = sha
        return made

    def install(self, account: str, *repositories: Repository) -> Installation:
        """Install the App on an account, for these repositories."""
        id = 1000 + self.next()
        made = Installation(id, self.account(account).login, {each.id for each in repositories})
        self.installations[id] = made
        self._of_installation(made, "created", repositories)
        return made

    def uninstall(self, installation: Installation) -> None:
        """Uninstall it; its tokens die."""
        there = [self.repositories[id] for id in sorted(installation.repositories)]
        self._of_installation(installation, "deleted", there)
        del self.installations[installation.id]

    def suspend(self, installation: Installation, *, suspended: bool = True) -> None:
        """Suspend it, or let it be again."""
        installation.suspended = suspended
        self._of_installation(installation, "suspend" if suspended else "unsuspend")

    def open_to(self, installation: Installation, *repositories: Repository) -> None:
        """Add repositories to an installation."""
        installation.repositories |= {each.id for each in repositories}
        self._repositories(installation, added=repositories)

    def close_to(self, installation: Installation, *repositories: Repository) -> None:
        """Take repositories out of an installation."""
        installation.repositories -= {each.id for each in repositories}
        self._repositories(installation, removed=repositories)

    def push(
        self,
        repository: Repository,
        branch: str,
        files: Files,
        *,
        by: str = "",
        silent: bool = False,
    ) -> str:
        """Push one commit; return it. ``silent``: GitHub tells nobody."""
        before = repository.branches.get(branch, "")
        parent = before or repository.branches.get(repository.default_branch, "")
        assert repository.folder is not None
        sha = git.commit(repository.folder, branch, files, parent=parent, number=self.next())
        repository.branches[branch] = sha
        self._pushed(repository, self._who(repository, by), branch, before, sha, silent=silent)
        return sha

    def delete_branch(self, repository: Repository, branch: str, *, by: str = "") -> None:
        """Delete a branch."""
        before = repository.branches.pop(branch)
        assert repository.folder is not None
        git.point(repository.folder, f"refs/heads/{branch}", "")
        self._pushed(repository, self._who(repository, by), branch, before, "")

    def open_pull(
        self, base: Repository, branch: str, *, into: str = "main", by: str = "", head: Any = None
    ) -> PullRequest:
        """Open a pull request of a branch, of another repository where ``head`` is one."""
        source: Repository = head or base
        author = self._who(source, by)
        number = len(base.pulls) + 1
        sha = source.branches[branch]
        made = PullRequest(self.next(), number, source.id, branch, into, author, sha, branch)
        base.pulls[number] = made
        self._head(base, made)
        self._changed(base, made, author, "opened")
        return made

    def merge(self, base: Repository, pull: PullRequest, *, by: str = "") -> str:
        """Merge it; return the commit that did."""
        who, before = self._who(base, by), base.branches[pull.base_branch]
        assert base.folder is not None
        sha = git.merge(base.folder, before, pull.sha, number=self.next())
        git.point(base.folder, f"refs/heads/{pull.base_branch}", sha)
        base.branches[pull.base_branch] = sha
        pull.state, pull.merged = "closed", True
        self._changed(base, pull, who, "closed")
        self._pushed(base, who, pull.base_branch, before, sha)
        return sha

    def close(self, base: Repository, pull: PullRequest, *, by: str = "") -> None:
        """Close it without merging."""
        pull.state = "closed"
        self._changed(base, pull, self._who(base, by), "closed")

    def reopen(self, base: Repository, pull: PullRequest, *, by: str = "") -> None:
        """Open it again."""
        pull.state = "open"
        self._changed(base, pull, self._who(base, by), "reopened")

    def rename(self, repository: Repository, full_name: str) -> None:
        """Rename or transfer it; the old name leads on until somebody takes it."""
        old = repository.full_name
        owner, _, name = full_name.partition("/")
        within = owner.lower() == repository.owner.lower()
        self.moved[old.lower()] = repository.id
        old_owner = self.account(repository.owner)
        repository.owner, repository.name = self.account(owner).login, name
        if within:
            changes: Any = {"repository": {"name": {"from": old.partition("/")[2]}}}
        else:
            changes = {"owner": {"from": {"user": payloads.account(old_owner)}}}
        action = "renamed" if within else "transferred"
        self._of_repository(repository, action, changes=changes)

    def rename_account(self, login: str, new: str) -> None:
        """Give an account another name; all that it has goes along."""
        account = self.accounts.pop(login.lower())
        account.login = new
        self.accounts[new.lower()] = account
        for each in self.repositories.values():
            if each.owner.lower() == login.lower():
                self.moved[each.full_name.lower()] = each.id
                each.owner = new
        for installation in self.installations.values():
            if installation.account.lower() == login.lower():
                installation.account = new
                body = {
                    "action": "renamed",
                    "account": payloads.account(account),
                    "changes": {"login": {"from": login}},
                    "target_type": account.type,
                    "installation": {"id": installation.id},
                    "sender": payloads.account(account),
                }
                self.sender.tell("installation_target", body, installation=installation.id)

    def set_private(self, repository: Repository, *, private: bool) -> None:
        """Show a repository to all, or to few."""
        repository.private = private
        self._of_repository(repository, "privatized" if private else "publicized")

    def delete(self, repository: Repository) -> None:
        """Delete a repository for good."""
        self._of_repository(repository, "deleted")
        for installation in self.installations.values():
            installation.repositories.discard(repository.id)
        del self.repositories[repository.id]

    def press(
        self, repository: Repository, check: dict[str, Any], button: str, *, by: str = ""
    ) -> None:
        """Press a button of a check run as the API shows it; ``rerequested`` is GitHub's own."""
        body: dict[str, Any] = {"check_run": check}
        if button == "rerequested":
            body["action"] = button
        else:
            body |= {"action": "requested_action", "requested_action": {"identifier": button}}
        self._tell("check_run", repository, body, by)

    def rerun_all(self, repository: Repository, sha: str, branch: str, *, by: str = "") -> None:
        """Press "Re-run all checks" of a commit."""
        id = self.suite(repository, sha)
        suite = {"id": id, "head_sha": sha, "head_branch": branch, "pull_requests": []}
        body = {"action": "rerequested", "check_suite": suite}
        self._tell("check_suite", repository, body, by)

    def suite(self, repository: Repository, sha: str) -> int:
        """Return the id of a commit's check suite."""
        known = {about: id for id, about in self.suites.items()}
        id = known.get((repository.id, sha)) or self.next()
        self.suites[id] = repository.id, sha
        return id

    async def calm(self, within: float = 30) -> None:
        """Wait until no webhook is on its way."""
        await asyncio.to_thread(self.sender.settled, within)

    def _who(self, repository: Repository, by: str) -> Account:
        return self.account(by or repository.owner)

    def _pushed(
        self,
        of: Repository,
        by: Account,
        branch: str,
        before: str,
        after: str,
        *,
        silent: bool = False,
    ) -> None:
        moved = Moved(self.next(), of.id, branch, before, after, by, self.clock())
        self.moves.append(moved)
        if not silent:
            body = payloads.push(self, of, by, branch, before=before, after=after)
            self._tell("push", of, body, by.login)
        for base in list(self.repositories.values()):
            for pull in base.pulls.values():
                here = pull.head_repository == of.id and pull.head_branch == branch
                if here and pull.state == "open" and after:
                    old, pull.sha = pull.sha, after
                    self._head(base, pull)
                    if not silent:
                        self._changed(base, pull, by, "synchronize", before=old, after=after)

    def _head(self, base: Repository, pull: PullRequest) -> None:
        """Let the base have the commits, as ``refs/pull``."""
        source = self.repositories[pull.head_repository]
        assert base.folder is not None
        assert source.folder is not None
        ref = f"refs/pull/{pull.number}/head"
        git.fetch(base.folder, source.folder, pull.head_branch, ref)

    def _changed(
        self, base: Repository, pull: PullRequest, by: Account, action: str, **more: Any
    ) -> None:
        pull.updated = self.clock()
        body = payloads.pull_request(self, base, pull, by, action, **more)
        self._tell("pull_request", base, body, by.login)

    def _of_repository(self, of: Repository, action: str, **more: Any) -> None:
        self._tell("repository", of, {"action": action, **more}, "")

    def _tell(self, event: str, of: Repository, body: dict[str, Any], by: str) -> None:
        """Tell the App of a repository that is open to it; events it has not asked for are not."""
        installation = self.installation_of(of)
        if installation is None or installation.suspended or event not in self.events:
            return
        full = {
            **body,
            "repository": payloads.repository(self, of),
            "sender": payloads.account(self._who(of, by)),
        }
        self.sender.tell(event, full, installation=installation.id, repository=of.id)

    def _of_installation(
        self, of: Installation, action: str, named: tuple[Repository, ...] | list[Repository] = ()
    ) -> None:
        """Such events come to each App, whether it asks for them or not."""
        account = payloads.account(self.account(of.account))
        body: dict[str, Any] = {
            "action": action,
            "installation": payloads.installation(self, of),
            "sender": account,
        }
        if action in ("created", "deleted"):
            body["repositories"] = [payloads.brief(each) for each in named]
        self.sender.tell("installation", body, installation=of.id)

    def _repositories(
        self,
        of: Installation,
        *,
        added: tuple[Repository, ...] = (),
        removed: tuple[Repository, ...] = (),
    ) -> None:
        body = {
            "action": "added" if added else "removed",
            "installation": payloads.installation(self, of),
            "repository_selection": "selected",
            "repositories_added": [payloads.brief(each) for each in added],
            "repositories_removed": [payloads.brief(each) for each in removed],
            "sender": payloads.account(self.account(of.account)),
        }
        self.sender.tell("installation_repositories", body, installation=of.id)
