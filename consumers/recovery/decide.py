"""What the log does not know of a forge. No clock, no random, no I/O.

A branch that the log never heard of is no news by itself: it may have been there when the project
was installed, and installing deploys nothing. It is where somebody has moved it since.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from consumers.recovery.forge import Account, Change, Changed, Move, Named, Seen, Turn, Update
from consumers.recovery.known import Branch, Project, Pull, Tenant
from schemas.ids import ZERO_SHA

SLACK: Final = timedelta(seconds=2)  # forges tell whole seconds, and by clocks of their own


def moves(known: Project, seen: Seen) -> tuple[Move, ...]:
    """Return which branches have moved, were made, or are gone."""
    found = []
    for name, head in sorted(seen.heads.items()):
        branch = known.branches.get(name, Branch())
        if branch.sha == head.sha or not (branch.seq or _younger(head.at, known.since)):
            continue
        found.append(Move(name, branch.sha or ZERO_SHA, head.sha, branch.seq))
    return tuple(found) + tuple(
        Move(name, branch.sha, ZERO_SHA, branch.seq)
        for name, branch in sorted(known.branches.items())
        if branch.sha and name not in seen.heads
    )


def turns(known: Project, seen: Seen) -> tuple[Turn, ...]:
    """Return which pull requests were opened, moved or closed."""
    found = []
    for number, wish in sorted(seen.pulls.items()):
        pull = known.pulls.get(number, Pull(closed=True))
        if wish.closed:
            if not pull.closed:
                found.append(Turn(number, "closed", wish.sha, pull.sha, pull.seq))
        elif pull.closed:
            if pull.seq or _younger(wish.at, known.since):
                found.append(Turn(number, "opened", wish.sha, pull.sha, pull.seq))
        elif pull.sha != wish.sha:
            found.append(Turn(number, "moved", wish.sha, pull.sha, pull.seq))
    return tuple(found)


def update(known: Project, seen: Seen) -> Update | None:
    """Return what is new of a project itself."""
    has, now = known.repository, seen.repository
    if (has.owner, has.name) != (now.owner, now.name):
        return Update("renamed", known.seq)
    closed = known.installed and not seen.installed
    if has.private != now.private or closed:
        return Update("updated", known.seq)
    return None


def changes(
    tenants: Mapping[str, Tenant], projects: Mapping[str, Project], account: Account
) -> tuple[Change, ...]:
    """Return what an account that has let us in has changed."""
    name = account.login.lower()
    tenant, listed = tenants.get(name, Tenant()), account.repositories
    if tenant.installation != account.installation or tenant.gone:
        old = _called(tenants, account.installation)
        if old:
            seq = tenants[old].seq
            return (Change(account.login, account.installation, "renamed", (), seq, old),)
        if listed is None:
            return ()
        names = tuple(sorted(each.id for each in listed))
        return (Change(account.login, account.installation, "created", names, tenant.seq),)
    if tenant.suspended != account.suspended:
        how: Changed = "suspend" if account.suspended else "unsuspend"
        return (Change(account.login, account.installation, how, (), tenant.seq),)
    return () if listed is None else _opened(projects, account, listed)


def _called(tenants: Mapping[str, Tenant], installation: str) -> str:
    """Return what the log calls the account of an installation, "" if it has none."""
    its = (
        name for name, one in tenants.items() if one.lets_in and one.installation == installation
    )
    return next(its, "")


def _opened(
    projects: Mapping[str, Project], account: Account, listed: tuple[Named, ...]
) -> tuple[Change, ...]:
    """Return which repositories were opened to us, and which closed, each by itself."""
    open_now = {each.id for each in listed}
    added = [id for id in open_now if id not in projects or not projects[id].installed]
    removed = [
        id
        for id, project in projects.items()
        if project.installed
        and project.repository.installation == account.installation
        and id not in open_now
    ]
    both: tuple[tuple[Changed, list[str]], ...] = (("added", added), ("removed", removed))
    return tuple(
        Change(account.login, account.installation, how, (id,), _seq(projects, id))
        for how, ids in both
        for id in sorted(ids)
    )


def _seq(projects: Mapping[str, Project], id: str) -> int:
    return projects[id].seq if id in projects else 0


def lost(tenants: Mapping[str, Tenant], accounts: tuple[Account, ...]) -> tuple[str, ...]:
    """Return the tenants that the log has as installed and the forge's list has not."""
    listed = {account.installation for account in accounts}
    return tuple(
        sorted(
            name
            for name, tenant in tenants.items()
            if tenant.lets_in and tenant.installation not in listed
        )
    )


def deleted(name: str, tenants: Mapping[str, Tenant], projects: Mapping[str, Project]) -> Change:
    """Return that a tenant has shut us out, with all that it had opened."""
    tenant = tenants[name]
    its = tuple(
        sorted(
            id
            for id, project in projects.items()
            if project.installed and project.repository.installation == tenant.installation
        )
    )
    return Change(name, tenant.installation, "deleted", its, tenant.seq)


def _younger(at: datetime | None, since: datetime) -> bool:
    return at is not None and at > since - SLACK
