"""One-time links of a home, for whoever can read it."""

from pathlib import Path

from edge.cli.home import Endpoint


def one_time(at: Endpoint, keys: Path) -> str:
    """Return a link that signs one browser in as operator; raises KeysUnsafe and KeysUnusable."""
    from edge.auth.signin import onetime
    from edge.auth.signin.seals import Seals  # what seals takes a moment to import

    return onetime.make(Seals(keys), at.base.replace("://", "://system."))
