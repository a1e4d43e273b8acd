"""What a device and the device flow say to each other (RFC 8628), apart from who answers."""

from typing import Final

import msgspec

AUTHORIZATION: Final = "/oauth/device_authorization"
TOKEN: Final = "/oauth/token"  # noqa: S105 - a path
GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
INTERVAL: Final = 5.0  # seconds between two questions of a device


class Codes(msgspec.Struct, frozen=True, kw_only=True):
    """What a device is told (RFC 8628, 3.2)."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int = int(INTERVAL)


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """A token (RFC 6749, 5.1)."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - RFC 6750's word
    expires_in: int
    scope: str
