"""Webhooks as GitLab would have sent them, made of what its API shows. Pure.

Names as in https://docs.gitlab.com/user/project/integrations/webhook_events; what nobody can tell
any more, like who pushed, is left out.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from consumers.forges.meaning import is_zero
from consumers.recovery.forge import Made, Move, Seen, Turn, Update

LEVELS: Final = {"private": 0, "internal": 10, "public": 20}


def push(seen: Seen, move: Move) -> Made:
    """Return a ``Push Hook``."""
    project = _project(seen.raw)
    return _made(
        "Push Hook",
        {
            "object_kind": "push",
            "event_name": "push",
            "ref": f"refs/heads/{move.branch}",
            "before": move.before,
            "after": move.after,
            "checkout_sha": None if is_zero(move.after) else move.after,
            "project_id": project["id"],
            "project": project,
        },
    )


def merge_request(seen: Seen, turn: Turn) -> Made:
    """Return a ``Merge Request Hook``."""
    raw = seen.pulls[turn.number].raw
    action = {
        "opened": "reopen" if turn.before else "open",
        "moved": "update",
        "closed": "merge" if raw["state"] == "merged" else "close",
    }[turn.how]
    own = raw["source_project_id"] == raw["target_project_id"]
    return _made(
        "Merge Request Hook",
        {
            "object_kind": "merge_request",
            "event_type": "merge_request",
            "user": {"username": raw["author"]["username"]},
            "project": _project(seen.raw),
            "object_attributes": {
                "iid": turn.number,
                "state": raw["state"],
                "source_branch": raw["source_branch"],
                "target_branch": raw["target_branch"],
                "source_project_id": raw["source_project_id"],
                "target_project_id": raw["target_project_id"],
                "source": {"path_with_namespace": seen.raw["path_with_namespace"]} if own else None,
                "last_commit": {"id": turn.sha},
                "updated_at": raw["updated_at"],
                "action": action,
                **({"oldrev": turn.before} if turn.how == "moved" else {}),
            },
        },
    )


def project(seen: Seen, update: Update) -> Made:
    """Return a ``System Hook`` of a project that was renamed, or whose settings changed."""
    raw = seen.raw
    return _made(
        "System Hook",
        {
            "event_name": "project_rename" if update.how == "renamed" else "project_update",
            "name": raw.get("name", ""),
            "path": seen.repository.name,
            "path_with_namespace": raw["path_with_namespace"],
            "project_id": raw["id"],
            "project_visibility": raw.get("visibility", "private"),
        },
    )


def _project(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": raw["id"],
        "name": raw.get("name", ""),
        "path_with_namespace": raw["path_with_namespace"],
        "git_http_url": raw["http_url_to_repo"],
        "web_url": raw.get("web_url", ""),
        "default_branch": raw.get("default_branch"),
        "visibility_level": LEVELS.get(raw.get("visibility", ""), 0),
    }


def _made(kind: str, body: Mapping[str, Any]) -> Made:
    headers = {"content-type": "application/json", "x-gitlab-event": kind}
    return Made(kind, headers, msgspec.json.encode(body))
