"""Webhooks as GitHub would have sent them, made of what its API shows. Pure.

Names as in https://docs.github.com/webhooks/webhook-events-and-payloads; what nobody can tell any
more, like who pushed, is left out.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from consumers.forges.meaning import is_zero
from consumers.recovery.forge import Account, Change, Made, Move, Seen, Turn, Update
from schemas.repository import Repository

KEPT: Final = frozenset(  # of a repository
    (
        *("id", "node_id", "name", "full_name", "owner"),
        *("private", "html_url", "clone_url", "default_branch"),
    )
)
ACTIONS: Final = {"opened": "reopened", "moved": "synchronize", "closed": "closed"}


def push(seen: Seen, move: Move) -> Made:
    """Return event ``push``."""
    return made(
        "push",
        {
            "ref": f"refs/heads/{move.branch}",
            "before": move.before,
            "after": move.after,
            "created": is_zero(move.before),
            "deleted": is_zero(move.after),
            **_place(seen),
        },
    )


def pull_request(seen: Seen, turn: Turn) -> Made:
    """Return event ``pull_request``."""
    return made(
        "pull_request",
        {
            "action": ACTIONS[turn.how] if turn.before else turn.how,
            "number": turn.number,
            "pull_request": seen.pulls[turn.number].raw,
            **({"before": turn.before} if turn.how == "moved" else {}),
            **_place(seen),
        },
    )


def repository(seen: Seen, update: Update) -> Made:
    """Return event ``repository``."""
    shown = "privatized" if seen.repository.private else "publicized"
    action = "renamed" if update.how == "renamed" else shown
    return made("repository", {"action": action, **_place(seen)})


def installation(change: Change, account: Account | None, names: Mapping[str, Repository]) -> Made:
    """Return event ``installation``, or one that is about what it opens or is called.

    ``account``: None of one that is gone. ``names``: what is known of repositories, by id.
    """
    shown: Any = account.raw if account else None
    place = {
        "installation": shown
        or {"id": int(change.installation), "account": {"login": change.account}},
        "sender": (shown or {"account": {"login": change.account}})["account"],
    }
    listed = [_short(id, names[id]) for id in change.repositories if id in names]
    if change.how == "renamed":
        account_now = place["installation"]["account"]
        changed = {"changes": {"login": {"from": change.old}}, "account": account_now}
        return made("installation_target", {"action": "renamed", **place, **changed})
    if change.how in ("added", "removed"):
        lists: dict[str, Any] = {"repositories_added": [], "repositories_removed": []} | {
            f"repositories_{change.how}": listed
        }
        return made("installation_repositories", {"action": change.how, **place, **lists})
    return made("installation", {"action": change.how, **place, "repositories": listed})


def _short(id: str, repository: Repository) -> dict[str, Any]:
    return {
        "id": int(id),
        "name": repository.name,
        "full_name": repository.full_name,
        "private": repository.private,
    }


def _place(seen: Seen) -> dict[str, Any]:
    return {
        "repository": {name: value for name, value in seen.raw.items() if name in KEPT},
        "installation": {"id": int(seen.repository.installation)},
    }


def made(kind: str, body: Mapping[str, Any]) -> Made:
    """Return an event with its headers as ingest keeps them."""
    headers = {"content-type": "application/json", "x-github-event": kind}
    return Made(kind, headers, msgspec.json.encode(body))
