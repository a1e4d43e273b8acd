"""The head of a request as its upstream gets it: what was parsed before, and what is its own."""

from typing import TYPE_CHECKING, Final

from edge.router.forwarding import told

if TYPE_CHECKING:
    from edge.router.front import Front
    from edge.router.target import Target

_UPGRADE: Final = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"


def head(front: "Front", target: "Target") -> bytes:
    """Return the whole head, with its last empty line."""
    fields = front.fields
    first, onward = front.line.heads[target.depth], fields.onward if target.own else fields.bare
    if target.gateway is not None:
        first, onward = target.gateway.said(first, onward)
    named, traced = bool(fields.call_id), fields.traced
    return b"".join((
        first,
        onward,
        front.identity,
        told(front.peer, fields.chain) if fields.chain else front.forwarded,
        fields.claims,
        front.router.names.lines(front.number, named=named, traced=traced),
        _UPGRADE if front.wants_tunnel() else b"",
        b"\r\n",
    ))  # fmt: skip
