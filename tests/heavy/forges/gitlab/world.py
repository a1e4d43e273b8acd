"""A GitLab's World: does what people do there, and tells the webhooks of it."""

import asyncio
import base64
import secrets
from collections.abc import Mapping

from tests.heavy.forges import git
from tests.heavy.forges.gitlab import payloads
from tests.heavy.forges.gitlab.payloads import ZEROS
from tests.heavy.forges.gitlab.sending import Sender
from tests.heavy.forges.gitlab.state import (
    OWNER,
    Group,
    Hook,
    MergeRequest,
    Moved,
    Project,
    State,
    Token,
    User,
)

Files = Mapping[str, str | bytes | None]


class World(State):
    """Whatever changes is told to every hook that listens."""

    sender: Sender  # set by the server

    def user(self, username: str, *, admin: bool = False) -> User:
        """Make an account."""
        made = User(self.next(), username, admin=admin)
        self.users[made.id] = made
        return made

    def token(self, user: User, *scopes: str, until: float | None = None) -> str:
        """Make a token of theirs."""
        text = f"glpat-{secrets.token_urlsafe(20)}"
        self.tokens[text] = Token(user, frozenset(scopes or ("api",)), until)
        return text

    def group(self, path: str, **members: int) -> Group:
        """Make a group; members are levels by user name."""
        ids = {user.username: user.id for user in self.users.values()}
        made = Group(self.next(), path, {ids[name]: level for name, level in members.items()})
        self.groups[made.id] = made
        return made

    def project(
        self,
        path: str,
        *,
        visibility: str = "private",
        topics: tuple[str, ...] = (),
        by: User,
        members: Mapping[int, int] | None = None,
    ) -> Project:
        """Make an empty project; ``members`` are levels by user id, from the beginning."""
        id = self.next()
        made = Project(id, path, self.root / f"{id}.git", visibility, list(topics))
        made.members |= {by.id: OWNER, **(members or {})}
        git.create(made.folder)
        self.projects[id] = made
        self._told(made, "project_create")
        return made

    def fork(self, original: Project, path: str, *, by: User) -> Project:
        """Fork a project with all its branches."""
        made = self.project(path, visibility=original.visibility, by=by)
        made.forked_from, made.default_branch = original.id, original.default_branch
        for branch, sha in original.branches.items():
            git.fetch(made.folder, original.folder, branch, f"refs/heads/{branch}")
            made.branches[branch] = sha
        return made

    def hook(
        self,
        url: str,
        *,
        token: str = "",
        signing: bytes = b"",
        project: Project | None = None,
        group: Group | None = None,
        events: tuple[str, ...] = ("push", "tag_push", "merge_request"),
    ) -> Hook:
        """Set up a webhook; of neither project nor group it is a system hook."""
        made = Hook(
            self.next(),
            url,
            token,
            f"whsec_{base64.b64encode(signing).decode()}" if signing else "",
            project.id if project else None,
            group.path if group else None,
            frozenset(events),
            created=self.clock(),
        )
        self.hooks[made.id] = made
        return made

    def push(
        self, project: Project, branch: str, files: Files, *, by: User, silent: bool = False
    ) -> str:
        """Push one commit; return it. ``silent``: GitLab tells nobody."""
        before = project.branches.get(branch, "")
        first = not project.branches
        parent = before or project.branches.get(project.default_branch or "", "")
        sha = git.commit(project.folder, branch, files, parent=parent, number=self.next())
        project.branches[branch] = sha
        if first:
            project.default_branch = branch
        self._pushed(project, by, branch, before, sha, silent=silent)
        return sha

    def delete_branch(self, project: Project, branch: str, *, by: User) -> None:
        """Delete a branch."""
        before = project.branches.pop(branch)
        git.point(project.folder, f"refs/heads/{branch}", "")
        self._pushed(project, by, branch, before, "")

    def tag(self, project: Project, name: str, branch: str, *, by: User) -> None:
        """Tag a branch's head."""
        sha = project.branches[branch]
        git.point(project.folder, f"refs/tags/{name}", sha)
        ref = f"refs/tags/{name}"
        body = payloads.push(self, project, by, ref, before=ZEROS, after=sha, kind="tag_push")
        self.sender.tell("tag_push", body, project=project.id, path=project.path)

    def open_merge(
        self, source: Project, branch: str, target: Project, into: str, *, by: User, title: str = ""
    ) -> MergeRequest:
        """Open a merge request."""
        iid = len(target.merges) + 1
        made = MergeRequest(
            self.next(),
            iid,
            source.id,
            branch,
            target.id,
            into,
            by,
            source.branches[branch],
            title or branch,
        )
        target.merges[iid] = made
        self._head(made)
        self._changed(made, by, "open")
        return made

    def merge(self, asked: MergeRequest, *, by: User) -> str:
        """Merge it; return the commit that did."""
        target = self.projects[asked.target_project]
        before = target.branches[asked.target_branch]
        sha = git.merge(target.folder, before, asked.sha, number=self.next())
        git.point(target.folder, f"refs/heads/{asked.target_branch}", sha)
        target.branches[asked.target_branch] = sha
        asked.state, asked.merged_as = "merged", sha
        self._changed(asked, by, "merge")
        self._pushed(target, by, asked.target_branch, before, sha)
        return sha

    def close(self, asked: MergeRequest, *, by: User) -> None:
        """Close it without merging."""
        asked.state = "closed"
        self._changed(asked, by, "close")

    def reopen(self, asked: MergeRequest, *, by: User) -> None:
        """Open it again."""
        asked.state = "opened"
        self._changed(asked, by, "reopen")

    def set_topics(self, project: Project, *topics: str, silent: bool = False) -> None:
        """Save the project's settings with these topics."""
        project.topics = list(topics)
        if not silent:
            self._told(project, "project_update")

    def set_visibility(self, project: Project, visibility: str) -> None:
        """Save the project's settings with another visibility."""
        project.visibility = visibility
        self._told(project, "project_update")

    def move(self, project: Project, path: str) -> None:
        """Rename a project, or transfer it to another namespace."""
        old, project.path = project.path, path
        within = old.rpartition("/")[0] == project.namespace
        self._told(project, "project_rename" if within else "project_transfer", old=old)

    def destroy(self, project: Project) -> None:
        """Delete a project for good."""
        del self.projects[project.id]
        self._told(project, "project_destroy")

    def rename_group(self, group: Group, path: str) -> None:
        """Give a group another path; what is in it goes along, and nothing is said of that."""
        old, group.path = group.path, path
        for hook in self.hooks.values():
            if hook.group is not None and f"{hook.group}/".startswith(f"{old}/"):
                hook.group = path + hook.group[len(old) :]
        inside: list[Group | Project] = [*self.groups.values(), *self.projects.values()]
        for each in inside:
            if each.path.startswith(f"{old}/"):
                each.path = path + each.path[len(old) :]
        body = payloads.group_rename(self, group, old)
        self.sender.tell("group_rename", body, project=0, path=path)

    def rename_user(self, user: User, username: str) -> None:
        """Give a user another name; their own projects go along, and nothing is said of that."""
        old, user.username = user.username, username
        for each in self.projects.values():
            if each.namespace == old:
                each.path = f"{username}/{each.name}"
        body = payloads.user_rename(self, user, old)
        self.sender.tell("user_rename", body, project=0, path=username)

    async def calm(self, within: float = 30) -> None:
        """Wait until no webhook is on its way."""
        await asyncio.to_thread(self.sender.settled, within)

    def _pushed(
        self, of: Project, by: User, branch: str, before: str, after: str, *, silent: bool = False
    ) -> None:
        self.moves.append(Moved(self.next(), of.id, branch, before, after, by, self.clock()))
        moved = {"before": before or ZEROS, "after": after or ZEROS}
        body = payloads.push(self, of, by, f"refs/heads/{branch}", **moved)
        if not silent:
            self.sender.tell("push", body, project=of.id, path=of.path)
        for project in list(self.projects.values()):
            for asked in project.merges.values():
                here = asked.source_project == of.id and asked.source_branch == branch
                if here and asked.state == "opened" and after:
                    old, asked.sha = asked.sha, after
                    self._head(asked)
                    self._changed(asked, by, "update", oldrev=old, silent=silent)

    def _head(self, asked: MergeRequest) -> None:
        """Let the target have the source's commits, as ``refs/merge-requests``."""
        source, target = self.projects[asked.source_project], self.projects[asked.target_project]
        ref = f"refs/merge-requests/{asked.iid}/head"
        git.fetch(target.folder, source.folder, asked.source_branch, ref)

    def _changed(
        self, asked: MergeRequest, by: User, action: str, *, oldrev: str = "", silent: bool = False
    ) -> None:
        asked.updated = self.clock()
        target = self.projects[asked.target_project]
        body = payloads.merge_request(self, asked, by, action, oldrev=oldrev)
        if not silent:
            self.sender.tell("merge_request", body, project=target.id, path=target.path)

    def _told(self, project: Project, name: str, *, old: str = "") -> None:
        body = payloads.project_event(self, project, name, old=old)
        self.sender.tell(name, body, project=project.id, path=project.path)
