"""What auth is told of an installation: the same for router and platform."""

from edge.auth.protected import parse
from edge.auth.settings import AuthSettings, digest
from edge.auth.signin.settings import Client, SignInSettings, checked
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
        protected_hosts=tuple(parse(settings.protected_hosts)),
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


def providers_of(settings: Settings) -> SignInSettings:
    """Return who can say who somebody is; SettingInvalid names what is half set up."""
    return checked(
        SignInSettings(
            github=Client(
                url=settings.github_url,
                id=settings.github_client_id,
                secret=settings.github_client_secret,
            ),
            gitlab=Client(
                url=settings.gitlab_url,
                id=settings.gitlab_client_id,
                secret=settings.gitlab_client_secret,
            ),
            oidc=Client(
                url=settings.oidc_issuer,
                id=settings.oidc_client_id,
                secret=settings.oidc_client_secret,
            ),
            oidc_name=settings.oidc_name,
            oidc_groups=settings.oidc_groups,
        )
    )
