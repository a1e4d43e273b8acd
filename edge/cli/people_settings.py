"""Settings of people: who signs in by whom, and who may do everything."""

from typing import Annotated

from msgspec import Meta

from edge.cli.variables import SECRET, Secretive


class SigningIn(Secretive, frozen=True, kw_only=True):
    """A part of ``Settings``."""

    operators: Annotated[
        str,
        Meta(
            description="who may do everything, comma separated: github:LOGIN, gitlab:LOGIN, "
            "oidc:SUBJECT"
        ),
    ] = ""
    customers: Annotated[
        str,
        Meta(
            description="file or URL, an owner a line, of the forge accounts that may push; "
            "*: any; empty: none"
        ),
    ] = ""
    session_hours: Annotated[
        int, Meta(description="after which people sign in again", ge=1, le=720)
    ] = 12
    github_url: Annotated[
        str, Meta(description="GitHub, or an Enterprise server", pattern=r"^https?://[^/@\s]+/?$")
    ] = "https://github.com"
    github_client_id: Annotated[
        str, Meta(description="OAuth app that people sign in by; empty: not by GitHub")
    ] = ""
    github_client_secret: Annotated[str, SECRET, Meta(description="secret of that app")] = ""
    gitlab_url: Annotated[
        str, Meta(description="GitLab, or an instance", pattern=r"^https?://[^@\s]+$")
    ] = "https://gitlab.com"
    gitlab_client_id: Annotated[
        str, Meta(description="OAuth application that people sign in by; empty: not by GitLab")
    ] = ""
    gitlab_client_secret: Annotated[str, SECRET, Meta(description="secret of that application")] = (
        ""
    )
    oidc_issuer: Annotated[
        str,
        Meta(
            description="OpenID Connect issuer that people sign in by; empty: none",
            pattern=r"^(https?://[^@\s]+)?$",
        ),
    ] = ""
    oidc_client_id: Annotated[str, Meta(description="client at that issuer")] = ""
    oidc_client_secret: Annotated[
        str, SECRET, Meta(description="secret of that client; empty: a public client")
    ] = ""
    oidc_name: Annotated[str, Meta(description="what the sign-in page calls that issuer")] = "SSO"
    oidc_groups: Annotated[
        str, Meta(description="claim with the groups that a person belongs to")
    ] = "groups"
    protected_hosts: Annotated[
        str,
        Meta(
            description="hosts of your own programs, comma separated, and who may enter: "
            "HOST=signed-in, HOST=operators, HOST=github/OWNER"
        ),
    ] = ""
    forward_auth_listen: Annotated[
        str,
        Meta(
            description="HOST:PORT where the proxies before those hosts ask; empty: none",
            pattern=r"^((\[[0-9A-Fa-f:.]+\]|[^:\s/]+):\d{1,5})?$",
        ),
    ] = ""
