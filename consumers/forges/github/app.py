"""A GitHub App, as it proves itself: by tokens of ten minutes that its key signs.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
"""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from schemas.errors import SettingInvalid

LIFE: Final = 540  # seconds; GitHub takes ten minutes at most
SKEW: Final = 60  # seconds that our clock may be ahead of GitHub's


@dataclass(frozen=True, slots=True)
class App:
    """Whom we are to GitHub."""

    id: str  # the App's id, or its client id
    key: RSAPrivateKey = field(repr=False)
    url: str  # https://github.com, or an Enterprise server

    @property
    def api(self) -> str:
        """Return where the API is."""
        return api_of(self.url)

    def token(self, now: float) -> str:
        """Return a token that stands for the App itself."""
        claims = {"iat": int(now) - SKEW, "exp": int(now) + LIFE - SKEW, "iss": self.id}
        return jwt.encode(claims, self.key, algorithm="RS256")


def app_of(id: str, pem: str, url: str) -> App:
    """Return the App; SettingInvalid where the key is none."""
    hint = "the file that GitHub's page of the App gives out: -----BEGIN RSA PRIVATE KEY-----"
    try:
        key = load_pem_private_key(pem.replace("\\n", "\n").encode(), password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm):  # their words may quote the key
        raise SettingInvalid("the GitHub App's key is no PEM file", hint=hint) from None
    if not isinstance(key, RSAPrivateKey):
        raise SettingInvalid("the GitHub App's key is no RSA key", hint=hint)
    return App(id, key, url.rstrip("/"))


def api_of(url: str) -> str:
    """Return the API's address: of github.com, of a company's there, or of its own server."""
    parts = urlsplit(url)
    host = parts.netloc.lower().removeprefix("www.")
    if host == "github.com" or host.endswith(".ghe.com"):
        return f"{parts.scheme}://api.{host}"
    return f"{url.rstrip('/')}/api/v3"
