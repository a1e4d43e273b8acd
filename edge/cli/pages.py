"""The pages of signing in, put together."""

from pathlib import Path

from edge.api.views import Views
from edge.auth.device import Devices
from edge.auth.door import Door
from edge.auth.signin.application import SignIn
from edge.auth.signin.cookies import Cookies
from edge.auth.signin.lobby import Lobby
from edge.auth.signin.places import Places
from edge.auth.signin.seals import Seals
from edge.auth.signin.settings import SignInSettings, providers
from edge.cli.home import Endpoint


def sign_in(
    door: Door,
    views: Views,
    at: Endpoint,
    settings: SignInSettings,
    *,
    keys: Path,
    devices: Devices,
) -> SignIn:
    """Return the application; ``views`` knows the hosts of the operator's own."""
    auth = door.auth
    protected = frozenset(auth.settings.protected_hosts)
    places = Places.of(
        at.base,
        at.root_domain,
        tenant=lambda label: auth.book.tenant_of(label) is not None,
        mapped=lambda host: host in views.domains.rows or host in protected,
    )
    lobby = Lobby(
        auth=auth,
        door=door,
        places=places,
        providers=providers(settings, auth.book.tenant_of),
        seals=Seals(keys),
        cookies=Cookies(auth.settings),
        devices=devices,
    )
    return SignIn(lobby)
