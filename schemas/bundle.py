"""A bundle: a folder that can be run as it is, and ``bundle.json``, which says how.

Written by the builder ``bundle``, read by the deployer ``local``. It lies at
``<home>/bundles/<hex>/``, where ``sha256:<hex>`` is the image of ``run.built``.
"""

from typing import Final, Literal

import msgspec

FILE: Final = "bundle.json"


class Bundle(msgspec.Struct, frozen=True):
    """How the watchdog talks to the program in this folder; the modes are of-watchdog's words."""

    language: str
    mode: Literal["http", "serializing", "streaming", "static"]
    command: tuple[str, ...] = ()  # run in this folder; {python} and {node} are interpreters
    # http: "socket" listens on the Unix socket named by $PUSHLINE_SOCKET, "tcp" on 127.0.0.1:$PORT
    # (or the port of the environment's upstream_url, where the program insists on it)
    upstream: Literal["socket", "tcp"] = "socket"
    static_path: str = ""  # mode static: the folder within the bundle that is served
    environment: dict[str, str] = {}  # the template's own; the function's goes before it
    cgi: bool = False  # the classic watchdog's contract: headers as Http_* environment
    content_type: str = ""  # of the answers of the forking modes


def parse(body: bytes) -> Bundle:
    """Return what ``bundle.json`` says; raises msgspec.ValidationError, which names the field."""
    return msgspec.json.decode(body, type=Bundle)
