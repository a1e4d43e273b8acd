"""Comparing: what a forge has against what the log says of it, as deliveries that are missing."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

from consumers.recovery import decide
from consumers.recovery.finding import Finding, id_of
from consumers.recovery.forge import Change, Forge, Lists, Made, Move, Roster, Seen, Turn, Update
from consumers.recovery.known import Known, Project
from schemas.ids import ZERO_SHA

NEVER: Final = datetime.max.replace(tzinfo=UTC)
Admits = Callable[[str], bool]  # by the account's name


class Head(Protocol):
    """The log, as far as it is needed here."""

    async def head(self) -> int:
        """Return the last sequence."""
        ...


class Comparison:
    """Asks one forge. Whatever it finds is younger than what the log said before it asked."""

    def __init__(
        self, forge: Forge, lists: Lists | None, events: Head, known: Known, admits: Admits
    ) -> None:
        """Compare what ``admits`` lets in; ``lists``: where the forge keeps one of accounts."""
        self.forge = forge
        self.lists = lists
        self._events = events
        self._known = known
        self._admits = admits

    async def accounts(self) -> tuple[Roster, list[Finding]]:
        """Return who has let us in, and what of that the log does not know."""
        as_of = await self._now()
        tagged = await self._tagged(as_of)
        if self.lists is None:
            return Roster(), tagged
        tenants = self._known.accounts(self.forge.name)
        projects = self._known.of(self.forge.name)
        roster = await self.lists.roster()
        found = [
            change
            for account in roster.accounts
            if self._admits(account.login)
            for change in decide.changes(tenants, projects, account)
        ]
        gone = [
            name
            for name in decide.lost(tenants, roster.accounts)
            if await self.lists.gone(tenants[name].installation)
        ]
        found += [decide.deleted(name, tenants, projects) for name in gone]
        return roster, tagged + [
            _change(one, self.lists.change(one, roster, projects), as_of) for one in found
        ]

    async def _tagged(self, as_of: int) -> list[Finding]:
        """Return the projects that say themselves that they are installed, and were not heard."""
        found, seen = [], await self.forge.tagged()
        known = self._known.of(self.forge.name)
        for id, one in sorted(seen.items()):
            it = known.get(id) or Project(forge=self.forge.name, id=id, since=NEVER)
            if not it.installed and self._admits(one.repository.owner):
                found.append(self._update(it, one, Update("updated", it.seq), as_of))
        return found

    async def project(self, id: str, roster: Roster) -> list[Finding] | None:
        """Return what the log does not know of a project; None where nothing of it is shown."""
        as_of = await self._now()
        known = self._known.of(self.forge.name).get(id)
        if known is None or not self._admits(known.repository.owner):
            return []
        seen = await self.forge.look(known, roster.projects.get(id))
        if seen is None:
            return None
        moves = [self._move(known, seen, one, as_of) for one in decide.moves(known, seen)]
        turns = [self._turn(known, seen, one, as_of) for one in decide.turns(known, seen)]
        itself = decide.update(known, seen)
        return [*([self._update(known, seen, itself, as_of)] if itself else []), *moves, *turns]

    def projects(self) -> list[str]:
        """Return the ids of the projects that the log knows and has not seen go."""
        known = self._known.of(self.forge.name)
        return sorted(id for id, project in known.items() if not project.gone)

    async def _now(self) -> int:
        """Return how far the log has come, once what it says is known here."""
        head = await self._events.head()
        await self._known.reached(head)
        return head

    def _move(self, known: Project, seen: Seen, move: Move, as_of: int) -> Finding:
        after = "" if move.after == ZERO_SHA else move.after
        return Finding(
            id=id_of("branch", known.id, move.branch, after, move.seq),
            why="branch",
            made=self.forge.push(seen, move),
            about=move.branch,
            name=seen.repository.full_name,
            as_of=as_of,
        )

    def _update(self, known: Project, seen: Seen, update: Update, as_of: int) -> Finding:
        now = seen.repository
        state = (now.full_name, str(now.private), str(seen.installed))
        return Finding(
            id=id_of("project", known.id, update.how, *state, update.seq),
            why="project",
            made=self.forge.update(seen, update),
            about=known.repository.full_name.strip("/"),
            name=now.full_name,
            as_of=as_of,
        )

    def _turn(self, known: Project, seen: Seen, turn: Turn, as_of: int) -> Finding:
        return Finding(
            id=id_of("pull", known.id, turn.number, turn.how, turn.sha, turn.seq),
            why="pull",
            made=self.forge.pull(seen, turn),
            about=str(turn.number),
            name=seen.repository.full_name,
            as_of=as_of,
        )


def _change(change: Change, made: Made, as_of: int) -> Finding:
    return Finding(
        id=id_of("account", change.installation, change.how, *change.repositories, change.seq),
        why="account",
        made=made,
        about=change.account,
        as_of=as_of,
    )
