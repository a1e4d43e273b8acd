"""Places: where somebody who signed in may be led. Everything else is the front page, or no."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from edge.auth.signin.attempt import Destination
from edge.auth.signin.errors import AddressForeign

# Visible ASCII without a backslash: browsers read it as a slash, and drop tabs and line ends.
_PATH: Final = re.compile(r"/(?:[!-.0-\[\]-~][!-\[\]-~]*)?")
_PROOF: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_LONGEST: Final = 2048
AGAIN: Final = "/login"


def path_of(text: str) -> str:
    """Return a path, with its query, that a browser takes for one of the same host, or ``/``."""
    if len(text) > _LONGEST or not _PATH.fullmatch(text):
        return "/"
    return text


@dataclass(frozen=True, slots=True)
class Places:
    """The hosts of an installation."""

    system: str  # scheme://system.ROOT_DOMAIN[:port], the one host where people sign in
    known: Callable[[str], bool]  # whether a host, without its port, is one that we serve

    @classmethod
    def of(
        cls,
        base: str,
        root_domain: str,
        *,
        tenant: Callable[[str], bool],
        mapped: Callable[[str], bool],
    ) -> "Places":
        """Return the places of an installation.

        ``base`` is scheme://ROOT_DOMAIN[:port], ``tenant`` tells whether a label is one's,
        ``mapped`` whether a host is one of the operator's own, or protected by asking us.
        """

        def known(host: str) -> bool:
            name = host.lower()
            if mapped(name):
                return True
            rest = name.removesuffix(f".{root_domain}")
            if rest == name:
                return False
            label = rest.rpartition("--")[2]  # of slug--label, or the whole
            return rest != "system" and tenant(label)

        return cls(base.replace("://", "://system."), known)

    @property
    def system_host(self) -> str:
        """Return the host where people sign in, without its port."""
        return urlsplit(self.system).hostname or ""

    def destination(self, query: Mapping[str, str]) -> Destination:
        """Return where a request to sign in wants to lead; raises AddressForeign."""
        path, host = path_of(query.get("r", "/")), query.get("host", "")
        if not host:
            return Destination(path)
        proof = query.get("proof", "")
        if not self.known(host) or not _PROOF.fullmatch(proof):
            raise AddressForeign(
                "the page that you came from is not served here",
                hint="open the function's own address, and sign in from there",
            )
        return Destination(path, host, proof)

    def of_host(self, host: str, path: str) -> str:
        """Return a URL at a host that is known: of our scheme, at our port."""
        parts = urlsplit(self.system)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{host}{port}{path}"

    def at_system(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """Return a URL where people sign in."""
        asked = f"?{urlencode(query)}" if query else ""
        return f"{self.system}{path}{asked}"


def to_login(to: Destination, path: str = AGAIN) -> str:
    """Return the path that begins again, with the same destination."""
    said = {"r": to.path, "host": to.host, "proof": to.proof}
    return f"{path}?{urlencode({k: v for k, v in said.items() if v}, quote_via=quote)}"
