"""Ingest: the webhooks of GitHub and GitLab, as bare ASGI applications."""

from edge.ingest.application import Ingest
from edge.ingest.gate import Gate
from edge.ingest.github import GitHubIngest
from edge.ingest.gitlab import GitLabIngest

__all__ = ["Gate", "GitHubIngest", "GitLabIngest", "Ingest"]
