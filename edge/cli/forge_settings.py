"""Settings of the forges: whom we are to their APIs, and how often they are asked."""

from typing import Annotated

from msgspec import Meta

from edge.cli.people_settings import SigningIn
from edge.cli.variables import SECRET


class AtForges(SigningIn, frozen=True, kw_only=True):
    """A part of ``Settings``; structs inherit in a row."""

    github_app_id: Annotated[
        str,
        Meta(
            description="the GitHub App's id: private repositories, checks, nothing missed; empty: "
            "webhooks alone",
            pattern=r"^[A-Za-z0-9.]*$",
        ),
    ] = ""
    github_app_key: Annotated[
        str, SECRET, Meta(description="the App's private key, the PEM file that GitHub gives out")
    ] = ""
    github_checks: Annotated[
        bool, Meta(description="tell of commits by check runs; false: by commit statuses alone")
    ] = True
    gitlab_token: Annotated[
        str,
        SECRET,
        Meta(description="token with the scope api: private projects, statuses, nothing missed"),
    ] = ""
    gitlab_installation_tag: Annotated[
        str,
        Meta(description="topic of GitLab projects that are installed, with a token; empty: each"),
    ] = "openfaas-cloud"
    reconcile_minutes: Annotated[
        int,
        Meta(description="between two comparisons with what the forges have; 0: none", ge=0),
    ] = 5
