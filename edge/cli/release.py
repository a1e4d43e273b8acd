"""Which Pushline this is."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

UNINSTALLED = "0.1.0"  # run from a checkout that was never installed


def version() -> str:
    """Return Pushline's version."""
    try:
        return installed("pushline")
    except PackageNotFoundError:
        return UNINSTALLED
