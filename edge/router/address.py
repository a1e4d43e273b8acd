"""One canonical form of host and path, computed once; what has none is refused.

Whoever decides by host or path, and whoever is called, gets these very bytes.
"""

import re
from typing import Final

from edge.router.causes import BAD_HOST, BAD_TARGET, Refused

_LABEL: Final = rb"[A-Za-z0-9][A-Za-z0-9-]{0,62}"
_HOST: Final = re.compile(
    rb"(?:(?P<name>%b(?:\.%b)*)\.?|(?P<six>\[[0-9A-Fa-f:.]{2,45}\]))(?::[0-9]{1,5})?"
    % (_LABEL, _LABEL)
)
_LONGEST_HOST: Final = 260  # RFC 1035's 253, and a port
# Visible ASCII; in the path no backslash, which some upstreams read as a slash.
_TARGET: Final = re.compile(rb"(?P<path>/[!\"$->@-\[\]-~]*)(?P<query>\?[!\"$-~]*)?")
_ABSOLUTE: Final = re.compile(rb"https?://(?P<authority>[^/?#@]+)(?P<rest>/.*)?", re.IGNORECASE)
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
)
_SLASHES: Final = re.compile(rb"%2F|%5C")
# ``..;x`` too: servlet containers drop the parameter and climb.
_NOT_PLAIN: Final = re.compile(rb"//|/\.{1,2}(?:[/;]|\Z)")
_SPACE: Final = 0x20
_DELETE: Final = 0x7F


def host(value: bytes) -> bytes:
    """Return the host in lower case, without port and last dot."""
    found = _HOST.fullmatch(value)
    if found is None or len(value) > _LONGEST_HOST:
        raise Refused(BAD_HOST)
    return (found["name"] or found["six"]).lower()


def split(target: bytes) -> tuple[bytes, bytes, bytes]:
    """Return (authority or nothing, canonical path, query with its question mark)."""
    authority = b""
    if not target.startswith(b"/"):
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None:
            raise Refused(BAD_TARGET)
        authority, target = absolute["authority"], absolute["rest"] or b"/"
    found = _TARGET.fullmatch(target)
    if found is None:
        raise Refused(BAD_TARGET)
    return authority, path(found["path"]), found["query"] or b""


def path(raw: bytes) -> bytes:
    """Return the canonical path: unreserved bytes plain, all other escapes kept, upper case."""
    plain = _ESCAPE.sub(_unescape, raw) if b"%" in raw else raw
    seen = plain
    if b"%" in plain:
        if raw.count(b"%") != len(_ESCAPE.findall(raw)):
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
