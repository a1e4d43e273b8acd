"""TLS to the log: whom we believe, and who we are."""

import ssl
from typing import TYPE_CHECKING, Final

from schemas.errors import SettingInvalid

if TYPE_CHECKING:
    from bus.settings import BusSettings

CA: Final = "ca.pem"
OWN: Final = ("cert.pem", "key.pem")


def context(settings: "BusSettings") -> ssl.SSLContext | None:
    """Return how TLS is spoken with the log, None where it is not asked for.

    It is asked for by a URL with ``tls://``, or by a folder: its ca.pem signs the servers'
    certificates (without one, what the machine trusts), its cert.pem and key.pem are ours.
    Raises SettingInvalid, which names the file.
    """
    asked = any(url.strip().startswith("tls://") for url in settings.nats_url.split(","))
    if settings.tls is None:
        if settings.tls_first and not asked:
            raise SettingInvalid(
                "the handshake cannot be first where no TLS is asked for",
                hint="write tls:// URLs, or name the folder of certificates",
            )
        return ssl.create_default_context() if asked else None
    folder = settings.tls
    authority, (certificate, key) = folder / CA, (folder / name for name in OWN)
    if not folder.is_dir():
        raise SettingInvalid(f"{folder} is no folder", hint=f"make it, with {CA} in it")
    if certificate.exists() != key.exists():
        missing = key if certificate.exists() else certificate
        raise SettingInvalid(
            f"{missing} is missing", hint="our certificate and its key go together"
        )
    try:
        made = ssl.create_default_context(cafile=authority if authority.exists() else None)
        if certificate.exists():
            made.load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise SettingInvalid(
            f"{folder}: {error}", hint=f"{CA}, {OWN[0]} and {OWN[1]} are PEM, readable by us"
        ) from error
    return made
