"""`pushline link`: a one-time link by which whoever can read the home signs a browser in."""

import sys
from pathlib import Path

from edge.cli import settings, where
from edge.cli.home import Endpoint
from edge.cli.where import HomeOption


def link(*, home: HomeOption = None) -> int:
    """Print a link that makes one browser an operator's, once, within ten minutes.

    It is made of the key in the home's folder of keys, and asks nobody.
    """
    chosen, _, _ = settings.current()
    keys = settings.keys_of(chosen, where.find(home).path)
    sys.stdout.write(one_time(where.endpoint(home), keys) + "\n")
    return 0


def one_time(at: Endpoint, keys: Path) -> str:
    """Return a link to where people sign in; raises KeysUnsafe and KeysUnusable."""
    from edge.auth.signin import onetime
    from edge.auth.signin.seals import Seals  # what seals takes a moment to import

    return onetime.make(Seals(keys), at.base.replace("://", "://system."))
