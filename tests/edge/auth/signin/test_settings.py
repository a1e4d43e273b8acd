"""Who can say who somebody is, by what an operator sets."""

import pytest

from edge.auth.labels import Tenant
from edge.auth.signin.settings import Client, SignInSettings, checked, providers
from schemas.errors import SettingInvalid

NO_LABELS: dict[str, Tenant] = {}
GOOD = Client(url="https://git.example", id="id", secret="s3cret")


def test_those_that_are_set_up_are_offered() -> None:
    """And no others; a public client of an issuer needs no secret."""
    oidc = Client(url="https://sso.example", id="id")
    chosen = checked(SignInSettings(gitlab=GOOD, oidc=oidc, oidc_name="Acme"))

    found = providers(chosen, NO_LABELS.get)

    assert {name: one.title for name, one in found.items()} == {"gitlab": "GitLab", "oidc": "Acme"}
    assert providers(checked(SignInSettings()), NO_LABELS.get) == {}


@pytest.mark.parametrize(
    ("chosen", "named"),
    [
        (SignInSettings(github=Client(url="https://x", id="id")), "GITHUB_CLIENT_SECRET"),
        (SignInSettings(gitlab=Client(url="https://x", secret="s3cret")), "GITLAB_CLIENT_ID"),
        (SignInSettings(oidc=Client(url="https://x")), "OIDC_CLIENT_ID"),
        (SignInSettings(oidc=Client(id="id")), "OIDC"),
        (SignInSettings(github=Client(url="http://git.example", id="i", secret="s3cret")), "https"),
    ],
)
def test_half_a_client_is_an_error(chosen: SignInSettings, named: str) -> None:
    """It names the setting, and never the secret."""
    with pytest.raises(SettingInvalid, match=named) as caught:
        checked(chosen)

    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(chosen)


def test_loopback_needs_no_certificate() -> None:
    """Nothing of it leaves the machine."""
    here = Client(url="http://127.0.0.1:3000", id="id", secret="s3cret")
    assert checked(SignInSettings(github=here)).github == here
