"""Imports without what a library takes along only because it is installed."""

import importlib
import sys


def import_without(unwanted: str, module: str) -> None:
    """Import a module to which ``unwanted`` seems missing; one that is here already is let be."""
    if unwanted in sys.modules:
        return
    sys.modules[unwanted] = None  # type: ignore[assignment] # an import of it fails
    try:
        importlib.import_module(module)
    finally:
        del sys.modules[unwanted]
