"""Settings of signing in; ``edge/cli`` fills them."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import msgspec

from edge.auth.labels import Tenant
from edge.auth.signin.provider import Provider
from schemas.errors import SettingInvalid

# First segments of the paths of our pages.
SEGMENTS: Final = (".pushline", "login", "logout", "session", "device", "oauth2")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider knows this installation by; without an id nobody signs in there."""

    url: str = ""
    id: str = ""
    secret: str = ""

    def __repr__(self) -> str:
        """Return all but the secret."""
        return f"Client(url={self.url!r}, id={self.id!r})"


class SignInSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who can say who somebody is."""

    github: Client = Client()
    gitlab: Client = Client()
    oidc: Client = Client()
    oidc_name: str = "SSO"
    oidc_groups: str = "groups"


def checked(settings: SignInSettings) -> SignInSettings:
    """Return settings that can work; SettingInvalid names what is half set up."""
    for name in ("github", "gitlab", "oidc"):
        _check(f"PUSHLINE_{name.upper()}", getattr(settings, name), public=name == "oidc")
    return settings


def providers(
    settings: SignInSettings, tenant_of: Callable[[str], Tenant | None]
) -> dict[str, Provider]:
    """Return those that are set up, by name; imports what they need."""
    found: dict[str, Provider] = {}
    if (given := settings.github).id:
        from edge.auth.signin.github import GitHub

        found["github"] = GitHub(given.url.rstrip("/"), given.id, given.secret)
    if (given := settings.gitlab).id:
        from edge.auth.signin.gitlab import GitLab

        found["gitlab"] = GitLab(given.url.rstrip("/"), given.id, given.secret)
    if (given := settings.oidc).id:
        from edge.auth.signin.discovery import Discovery
        from edge.auth.signin.oidc import OpenId

        found["oidc"] = OpenId(
            Discovery(given.url),
            given.id,
            given.secret,
            settings.oidc_name,
            settings.oidc_groups,
            tenant_of,
        )
    return found


def _check(prefix: str, client: Client, *, public: bool) -> None:
    """Refuse half a client, and one whose secret would go over the network in the clear."""
    if not client.id:
        if client.secret or (public and client.url):
            raise SettingInvalid(
                f"{prefix}_CLIENT_ID is not set, and the rest of it is",
                hint="set it to what the provider calls this installation",
            )
        return
    if not client.secret and not public:
        raise SettingInvalid(
            f"{prefix}_CLIENT_SECRET is not set", hint="the provider showed it beside the client id"
        )
    parts = urlsplit(client.url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise SettingInvalid(
            f"{prefix}: {client.url or 'no address'} is not https, and secrets go there",
            hint="give it a certificate; http is for this machine only",
        )
