"""One canonical form of host and path, computed once; what has none is refused.

Whoever decides by host or path, and whoever is called, gets these very bytes.
"""

import ipaddress
import re
from functools import lru_cache
from typing import Final, NamedTuple

from edge.router.causes import BAD_HOST, BAD_TARGET, Refused

_LABEL: Final = rb"[A-Za-z0-9][A-Za-z0-9-]{0,62}"
_HOST: Final = re.compile(
    rb"(?:(?P<name>%b(?:\.%b)*)\.?|\[(?P<six>[0-9A-Fa-f:.]{2,45})\])(?::(?P<port>[0-9]{1,5}))?"
    % (_LABEL, _LABEL)
)
_LONGEST_HOST: Final = 260  # RFC 1035's 253, and a port
_LARGEST_PORT: Final = 65535
# Resolvers and browsers take a name that ends in a number for an IPv4 address: 0x7f.1, 127.1
_NUMBER: Final = re.compile(rb"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
# Visible ASCII; in the path no backslash, which some upstreams read as a slash.
_TARGET: Final = re.compile(rb"(?P<path>/[!\"$->@-\[\]-~]*)(?P<query>\?[!\"$-~]*)?")
_ABSOLUTE: Final = re.compile(rb"https?://(?P<authority>[^/?#@]+)(?P<rest>/.*)?", re.IGNORECASE)
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
)
_SLASHES: Final = re.compile(rb"%2F|%5C")
_NOT_CLEAN: Final = re.compile(rb"//|/\.{1,2}(?:/|\Z)")
# ``..;x`` too: servlet containers drop the parameter and climb.
_NOT_PLAIN: Final = re.compile(rb"//|/\.{1,2}(?:[/;]|%3B|\Z)")
# UTF-8 that is longer than it needs to be: a careless reader sees a dot or a slash in it.
_OVERLONG: Final = re.compile(rb"%C[01]%[89AB]|%E0%[89]|%F0%8")
_SPACE: Final = 0x20
_DELETE: Final = 0x7F


class Authority(NamedTuple):
    """Whom a request is for."""

    host: bytes  # in lower case, without port and last dot
    whole: bytes  # the same, with its port if there was one


class NotClean(Exception):
    """A target that has a clean form: it goes nowhere, its sender is told."""

    def __init__(self, clean: bytes) -> None:
        """Keep the canonical path and the query."""
        super().__init__(clean)
        self.clean = clean


def host(value: bytes) -> bytes:
    """Return the canonical host."""
    return authority(value).host


@lru_cache(maxsize=1024)
def authority(value: bytes) -> Authority:
    """Return the canonical form of host[:port]; Refused where it has none."""
    found = _HOST.fullmatch(value)
    if found is None or len(value) > _LONGEST_HOST:
        raise Refused(BAD_HOST)
    try:
        name = _six(found["six"]) if found["name"] is None else _name(found["name"].lower())
    except ValueError:
        raise Refused(BAD_HOST) from None
    if found["port"] is None:
        return Authority(name, name)
    if (port := int(found["port"])) > _LARGEST_PORT:
        raise Refused(BAD_HOST)
    return Authority(name, b"%b:%d" % (name, port))


def _six(address: bytes) -> bytes:
    return f"[{ipaddress.IPv6Address(address.decode()).compressed}]".encode()


def _name(name: bytes) -> bytes:
    if _NUMBER.fullmatch(name):
        ipaddress.IPv4Address(name.decode())  # four plain decimals, or ValueError
    return name


def split(target: bytes) -> tuple[bytes, bytes, bytes]:
    """Return (canonical authority or nothing, canonical path, query with its question mark).

    Raises NotClean where slashes and dots stand as they are and have a clean form; where they
    are escaped, or hide behind a parameter, somebody means to be misread: Refused.
    """
    whole = b""
    if not target.startswith(b"/"):
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None:
            raise Refused(BAD_TARGET)
        whole, target = authority(absolute["authority"]).whole, absolute["rest"] or b"/"
    found = _TARGET.fullmatch(target)
    if found is None:
        raise Refused(BAD_TARGET)
    raw, query = found["path"], found["query"] or b""
    if _NOT_CLEAN.search(raw):
        raise NotClean(path(_cleaned(raw)) + query)
    return whole, path(raw), query


def _cleaned(raw: bytes) -> bytes:
    """Return a path without empty and dot segments, as RFC 3986, 5.2.4 removes them."""
    kept: list[bytes] = []
    for segment in raw.split(b"/"):
        if segment == b"..":
            kept = kept[:-1]
        elif segment not in (b"", b"."):
            kept.append(segment)
    last = b"/" if kept and raw.endswith(b"/") else b""
    return b"/" + b"/".join(kept) + last


def path(raw: bytes) -> bytes:
    """Return the canonical path: unreserved bytes plain, all other escapes kept, upper case."""
    plain = _ESCAPE.sub(_unescape, raw) if b"%" in raw else raw
    seen = plain
    if b"%" in plain:
        if raw.count(b"%") != len(_ESCAPE.findall(raw)):
            raise Refused(BAD_TARGET)
        if _OVERLONG.search(plain):
            raise Refused(BAD_TARGET)
        if _SLASHES.search(plain[1:].partition(b"/")[0]):
            raise Refused(BAD_TARGET)  # the first segment decides where the request goes
        seen = _SLASHES.sub(b"/", plain)
    if _NOT_PLAIN.search(seen):
        raise Refused(BAD_TARGET)
    return plain


def _unescape(found: re.Match[bytes]) -> bytes:
    byte = int(found[1], 16)
    if byte in _UNRESERVED:
        return bytes((byte,))
    if byte < _SPACE or byte == _DELETE:
        raise Refused(BAD_TARGET)
    return found[0].upper()
