"""Payloads to the forges' published schemas, written for these tests.

GitHub: https://docs.github.com/webhooks/webhook-events-and-payloads
GitLab: https://docs.gitlab.com/user/project/integrations/webhook_events and
https://docs.gitlab.com/administration/system_hooks
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from schemas.envelope import Delivery

A, B = "a" * 40, "b" * 40
ZERO = "0" * 40
PERSON = {"name": "Ada Lovelace", "email": "ada@example.com"}

_GITHUB = """
branch_protection_configuration branch_protection_rule code_scanning_alert
commit_comment create custom_property custom_property_values delete dependabot_alert deploy_key
deployment deployment_protection_rule deployment_review deployment_status discussion
discussion_comment fork github_app_authorization gollum
integration_installation issue_comment issue_dependencies issues label marketplace_purchase member
membership merge_group meta milestone org_block package page_build
personal_access_token_request project project_card project_column projects_v2 projects_v2_item
projects_v2_status_update public pull_request_review pull_request_review_comment
pull_request_review_thread registry_package release repository_advisory
repository_dispatch repository_import repository_ruleset repository_vulnerability_alert
secret_scanning_alert secret_scanning_alert_location secret_scanning_scan security_advisory
security_and_analysis sponsorship star status sub_issues team team_add watch workflow_dispatch
workflow_job workflow_run
"""
GITHUB_KINDS = _GITHUB.split()

GITLAB_HOOKS = (
    *("Tag Push Hook", "Issue Hook", "Confidential Issue Hook", "Note Hook"),
    *("Confidential Note Hook", "Wiki Page Hook", "Pipeline Hook"),
    *("Job Hook", "Deployment Hook", "Feature Flag Hook", "Release Hook", "Milestone Hook"),
    *("Emoji Hook", "Resource Access Token Hook", "Vulnerability Hook", "Member Hook"),
    "Subgroup Hook",
)

_SYSTEM = """
group_create group_destroy key_create key_destroy repository_update
tag_push user_access_request_revoked_for_group user_access_request_revoked_for_project
user_access_request_to_group user_access_request_to_project user_add_to_group user_add_to_team
user_create user_destroy user_failed_login user_remove_from_group user_remove_from_team
user_update_for_group user_update_for_team
"""
GITLAB_SYSTEM_EVENTS = _SYSTEM.split()


def delivery(forge: str, kind: str, body: Any, **headers: str) -> Delivery:
    """Return a delivery as it comes from the log."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    names = {f"x-{forge}-event": kind, "content-type": "application/json"} | headers
    return Delivery(forge, "d-1", names, raw, 1, datetime.now(UTC))


def account(login: str) -> dict[str, Any]:
    """Return a GitHub user with what else GitHub tells of one."""
    return {
        "login": login,
        "id": 583231,
        "node_id": "MDQ6VXNlcjU4MzIzMQ==",
        "html_url": f"https://github.com/{login}",
        "type": "User",
        "site_admin": False,
    }


def github_repository() -> dict[str, Any]:
    """Return a repository as GitHub's push shows it."""
    return {
        "id": 1296269,
        "node_id": "R_kgDOABPHjQ",
        "name": "Hello-World",
        "full_name": "Octo/Hello-World",
        "private": True,
        "owner": account("Octo") | PERSON,
        "html_url": "https://github.com/Octo/Hello-World",
        "description": None,
        "clone_url": "https://github.com/Octo/Hello-World.git",
        "ssh_url": "git@github.com:Octo/Hello-World.git",
        "created_at": 1557933565,
        "pushed_at": 1557933657,
        "default_branch": "main",
        "visibility": "private",
        "topics": [],
    }


def github_push(**changes: Any) -> dict[str, Any]:
    """Return GitHub's event ``push``."""
    commit = {"id": B, "message": "Say hello", "author": PERSON | {"username": "ada"}}
    return {
        "ref": "refs/heads/main",
        "before": A,
        "after": B,
        "created": False,
        "deleted": False,
        "forced": False,
        "base_ref": None,
        "compare": "https://github.com/Octo/Hello-World/compare/a...b",
        "commits": [commit],
        "head_commit": commit,
        "repository": github_repository(),
        "pusher": PERSON,
        "sender": account("ada"),
        "installation": {"id": 957387, "node_id": "MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9uOTU3Mzg3"},
        **changes,
    }


def github_installation(action: str, **changes: Any) -> dict[str, Any]:
    """Return GitHub's event ``installation``, or with changes ``installation_repositories``."""
    return {
        "action": action,
        "installation": {
            "id": 957387,
            "account": account("Octo"),
            "repository_selection": "selected",
            "app_id": 29310,
            "target_type": "User",
            "permissions": {"contents": "read", "metadata": "read"},
            "events": ["push"],
            "suspended_at": None,
        },
        "sender": account("ada"),
        **changes,
    }


def listed(number: int) -> dict[str, Any]:
    """Return a repository as GitHub's installations list it."""
    return {
        "id": number,
        "node_id": f"R_{number}",
        "name": f"repo-{number}",
        "full_name": f"Octo/repo-{number}",
        "private": bool(number % 2),
    }


def gitlab_push(**changes: Any) -> dict[str, Any]:
    """Return GitLab's push, as ``Push Hook`` and as system hook."""
    return {
        "object_kind": "push",
        "event_name": "push",
        "before": A,
        "after": B,
        "ref": "refs/heads/main",
        "checkout_sha": B,
        "user_id": 4,
        "user_name": "Ada Lovelace",
        "user_username": "ada",
        "user_email": "ada@example.com",
        "project_id": 15,
        "project": gitlab_project(),
        "repository": {"name": "Diaspora", "git_http_url": "https://gitlab.example/mike/d.git"},
        "commits": [{"id": B, "message": "Say hello", "author": PERSON}],
        "total_commits_count": 1,
        **changes,
    }


def gitlab_project(**changes: Any) -> dict[str, Any]:
    """Return a project as GitLab's push shows it."""
    return {
        "id": 15,
        "name": "Diaspora",
        "web_url": "https://gitlab.example/mike/sub/diaspora",
        "avatar_url": None,
        "git_ssh_url": "git@gitlab.example:mike/sub/diaspora.git",
        "git_http_url": "https://gitlab.example/mike/sub/diaspora.git",
        "namespace": "Mike's Group",
        "visibility_level": 20,
        "path_with_namespace": "mike/sub/diaspora",
        "default_branch": "main",
        **changes,
    }


def gitlab_system(event_name: str, **changes: Any) -> dict[str, Any]:
    """Return GitLab's system hook about a project."""
    return {
        "created_at": "2012-07-21T07:30:54Z",
        "updated_at": "2012-07-21T07:38:22Z",
        "event_name": event_name,
        "name": "StoreCloud",
        "owner_email": "ada@example.com",
        "owner_name": "Ada Lovelace",
        "owners": [PERSON],
        "path": "storecloud",
        "path_with_namespace": "jsmith/storecloud",
        "project_id": 74,
        "project_namespace_id": 23,
        "project_visibility": "private",
        **changes,
    }


def local_push(**changes: Any) -> dict[str, Any]:
    """Return what ``edge/git`` tells."""
    return {
        "kind": "push",
        "owner": "alice",
        "repository": "hello",
        "branch": "main",
        "before": ZERO,
        "after": A,
        "default_branch": "main",
        "pusher": "alice",
        **changes,
    }
