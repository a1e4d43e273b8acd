"""Webhook payloads, as https://docs.github.com/webhooks/webhook-events-and-payloads has them."""

from datetime import UTC, datetime
from typing import Any

from tests.heavy.forges.github.state import (
    Account,
    Installation,
    PullRequest,
    Repository,
    State,
)

ZEROS = "0" * 40


def moment(at: float) -> str:
    """Return a time as GitHub writes it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def account(of: Account) -> dict[str, Any]:
    """Return an account."""
    return {"id": of.id, "login": of.login, "type": of.type}


def repository(state: State, of: Repository) -> dict[str, Any]:
    """Return a repository as answers and webhooks show it."""
    return {
        "id": of.id,
        "name": of.name,
        "full_name": of.full_name,
        "private": of.private,
        "owner": account(state.account(of.owner)),
        "clone_url": f"{state.url}/{of.full_name}.git",
        "html_url": f"{state.url}/{of.full_name}",
        "default_branch": of.default_branch,
        "archived": False,
    }


def brief(of: Repository) -> dict[str, Any]:
    """Return a repository as installations list it."""
    return {"id": of.id, "name": of.name, "full_name": of.full_name, "private": of.private}


def installation(state: State, of: Installation) -> dict[str, Any]:
    """Return an installation as answers and webhooks show it."""
    return {
        "id": of.id,
        "account": account(state.account(of.account)),
        "repository_selection": "selected",
        "permissions": of.permissions,
        "events": state.events,
        "suspended_at": "2026-01-02T03:04:05Z" if of.suspended else None,
    }


def push(
    state: State, of: Repository, by: Account, branch: str, *, before: str, after: str
) -> dict[str, Any]:
    """Return event ``push``; an empty sha is no commit."""
    return {
        "ref": f"refs/heads/{branch}",
        "before": before or ZEROS,
        "after": after or ZEROS,
        "created": not before,
        "deleted": not after,
        "forced": False,
        "head_commit": {"id": after} if after else None,
        "pusher": {"name": by.login, "email": "a@example.com"},
        "repository": repository(state, of),
        "sender": account(by),
    }


def pull_request(
    state: State, of: Repository, pull: PullRequest, by: Account, action: str, **more: Any
) -> dict[str, Any]:
    """Return event ``pull_request``."""
    head = state.repositories.get(pull.head_repository)
    return {
        "action": action,
        "number": pull.number,
        "pull_request": {
            "id": pull.id,
            "number": pull.number,
            "title": pull.title,
            "state": pull.state,
            "merged": pull.merged,
            "updated_at": moment(pull.updated),
            "user": account(pull.author),
            "head": {
                "ref": pull.head_branch,
                "sha": pull.sha,
                "repo": repository(state, head) if head else None,
            },
            "base": {
                "ref": pull.base_branch,
                "sha": of.branches.get(pull.base_branch, ZEROS),
                "repo": repository(state, of),
            },
        },
        "repository": repository(state, of),
        "sender": account(by),
        **more,
    }
