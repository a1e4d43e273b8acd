"""What auth is told of an installation: the same for router and platform."""

from edge.auth.settings import AuthSettings, digest
from edge.cli.settings import Settings, public_of
from edge.cli.variables import variable
from schemas.errors import SettingInvalid

PROVIDERS = ("github", "gitlab", "oidc")


def auth_of(settings: Settings, token: str) -> AuthSettings:
    """Return it; ``token`` is the platform's own, "" where a process does not know it."""
    return AuthSettings(
        root_domain=settings.root_domain,
        scheme="https" if public_of(settings).startswith("https://") else "http",
        operators=operators_of(settings),
        session_hours=settings.session_hours,
        token_digest=digest(token),
    )


def operators_of(settings: Settings) -> tuple[str, ...]:
    """Return who may everything; SettingInvalid names what is nobody."""
    named = tuple(one.strip() for one in settings.operators.split(",") if one.strip())
    for one in named:
        provider, _, name = one.partition(":")
        if provider not in PROVIDERS or not name:
            raise SettingInvalid(
                f"{variable('operators')}: {one} names nobody",
                hint="write github:LOGIN, gitlab:LOGIN or oidc:SUBJECT, comma separated",
            )
    return named
