"""Bodies of webhooks, by what is documented.

https://docs.gitlab.com/user/project/integrations/webhook_events/ and
https://docs.gitlab.com/administration/system_hooks/
"""

from datetime import UTC, datetime
from typing import Any

from tests.heavy.forges.gitlab.state import LEVELS, Group, MergeRequest, Project, State, User

ZEROS = "0" * 40


def project(state: State, shown: Project) -> dict[str, Any]:
    """Return a project as pushes and merge requests show it."""
    web, git = f"{state.url}/{shown.path}", f"{state.url}/{shown.path}.git"
    return {
        "id": shown.id,
        "name": shown.name,
        "description": "",
        "web_url": web,
        "avatar_url": None,
        "git_ssh_url": f"git@gitlab.example.com:{shown.path}.git",
        "git_http_url": git,
        "namespace": shown.namespace.rpartition("/")[2],
        "visibility_level": LEVELS[shown.visibility],
        "path_with_namespace": shown.path,
        "default_branch": shown.default_branch,
        "ci_config_path": None,
        "homepage": web,
        "url": f"git@gitlab.example.com:{shown.path}.git",
        "ssh_url": f"git@gitlab.example.com:{shown.path}.git",
        "http_url": git,
    }


def push(
    state: State, of: Project, user: User, ref: str, *, before: str, after: str, kind: str = "push"
) -> dict[str, Any]:
    """Return a push or ``tag_push``."""
    gone = after == ZEROS
    return {
        "object_kind": kind,
        "event_name": kind,
        "before": before,
        "after": after,
        "ref": ref,
        "ref_protected": ref.endswith("/main"),
        "checkout_sha": None if gone else after,
        "message": None,
        "user_id": user.id,
        "user_name": user.name,
        "user_username": user.username,
        "user_email": "",
        "user_avatar": None,
        "project_id": of.id,
        "project": project(state, of),
        "commits": [] if gone else [_commit(state, of, after)],
        "total_commits_count": 0 if gone else 1,
        "push_options": {},
        "repository": {"name": of.name, "visibility_level": LEVELS[of.visibility]},
    }


def merge_request(
    state: State, asked: MergeRequest, user: User, action: str, *, oldrev: str = ""
) -> dict[str, Any]:
    """Return a change of a merge request; ``oldrev`` where its branch moved."""
    target = state.projects[asked.target_project]
    source = state.projects.get(asked.source_project)
    time = datetime.fromtimestamp(asked.updated, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return {
        "object_kind": "merge_request",
        "event_type": "merge_request",
        "user": {"id": user.id, "name": user.name, "username": user.username, "email": ""},
        "project": project(state, target),
        "object_attributes": {
            "id": asked.id,
            "iid": asked.iid,
            "title": asked.title,
            "author_id": asked.author.id,
            "state": asked.state,
            "draft": False,
            "source_branch": asked.source_branch,
            "target_branch": asked.target_branch,
            "source_project_id": None if source is None else source.id,
            "target_project_id": target.id,
            "source": None if source is None else project(state, source),
            "target": project(state, target),
            "last_commit": _commit(state, source or target, asked.sha),
            "merge_commit_sha": asked.merged_as,
            "created_at": time,
            "updated_at": time,
            "url": f"{state.url}/{target.path}/-/merge_requests/{asked.iid}",
            "action": action,
            **({"oldrev": oldrev} if oldrev else {}),
        },
        "labels": [],
        "changes": {},
        "repository": {"name": target.name},
    }


def project_event(state: State, of: Project, name: str, *, old: str = "") -> dict[str, Any]:
    """Return what system hooks tell of a project; ``old`` is the path that it had."""
    time = datetime.fromtimestamp(state.clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "created_at": time,
        "updated_at": time,
        "event_name": name,
        "name": of.name,
        "owner_email": "",
        "owner_name": "An Owner",
        "owners": [{"name": "An Owner", "email": ""}],
        "path": of.name,
        "path_with_namespace": of.path,
        "project_id": of.id,
        "project_namespace_id": 1,
        "project_visibility": of.visibility,
        **({"old_path_with_namespace": old} if old else {}),
    }


def group_rename(state: State, group: Group, old: str) -> dict[str, Any]:
    """Return what system hooks tell of a group's new path."""
    time = datetime.fromtimestamp(state.clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "event_name": "group_rename",
        "created_at": time,
        "updated_at": time,
        "name": group.path.rpartition("/")[2],
        "path": group.path.rpartition("/")[2],
        "full_path": group.path,
        "group_id": group.id,
        "owner_name": None,
        "owner_email": None,
        "old_path": old.rpartition("/")[2],
        "old_full_path": old,
    }


def user_rename(state: State, user: User, old: str) -> dict[str, Any]:
    """Return what system hooks tell of a user's new name."""
    time = datetime.fromtimestamp(state.clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "event_name": "user_rename",
        "created_at": time,
        "updated_at": time,
        "name": user.name,
        "email": "",
        "user_id": user.id,
        "username": user.username,
        "old_username": old,
    }


def _commit(state: State, of: Project, sha: str) -> dict[str, Any]:
    return {
        "id": sha,
        "message": "change\n",
        "title": "change",
        "timestamp": "2026-01-01T00:00:00+00:00",
        "url": f"{state.url}/{of.path}/-/commit/{sha}",
        "author": {"name": "a", "email": "a@example.com"},
        "added": [],
        "modified": [],
        "removed": [],
    }
