"""Connecting to an upstream for one request that no idle connection could take."""

import asyncio
from typing import TYPE_CHECKING, Final

from edge.router import causes
from edge.router.back import Back
from edge.router.causes import Refused
from edge.router.upstream import BadAddress, Upstream

if TYPE_CHECKING:
    from edge.router.front import Front
    from edge.router.router import Router
    from edge.router.target import Target

_FIRST_PAUSE: Final = 0.01  # seconds
_LONGEST_PAUSE: Final = 0.1


async def dial(router: "Router", front: "Front") -> None:
    """Give ``front`` a new connection, or the cause why it gets none.

    A refused connect is tried again for a while, whatever the method: nothing was sent. Each
    time the route is looked up anew, for the upstream may just have been replaced; where there
    are replicas, each is asked before any is asked again.
    """
    settings = router.settings
    patience = router.time() + settings.connect_patience
    pause, tried = _FIRST_PAUSE, set[Upstream]()
    while (target := front.target) is not None:
        try:
            async with asyncio.timeout(settings.connect_timeout):
                back = await _connect(router, target.upstream)
        except TimeoutError:
            if not _another(target, tried):
                return front.fail(causes.UPSTREAM_CONNECT_TIMEOUT)
        except BadAddress:
            return front.fail(causes.UPSTREAM_REFUSED)
        except OSError:
            if not _another(target, tried):
                if router.time() >= patience:
                    return front.fail(causes.UPSTREAM_REFUSED)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        else:
            return front.attach(back)
        try:
            find_again(front)
        except Refused as refused:
            return front.fail(refused.cause)
    return None


def _another(target: "Target", tried: set[Upstream]) -> bool:
    """Tell whether a replica is left that this request has not tried."""
    target.upstream.health.failed()
    tried.add(target.upstream)
    others = () if target.replicas is None else target.replicas.targets
    return any(other.upstream not in tried for other in others)


def again(front: "Front", *, kept: bool) -> bool:
    """Tell whether a request may be sent again: once where a kept connection has just ended.

    With replicas, as often as there are others: the one that hung up is left out by now.
    """
    target = front.target
    if target is None or target.replicas is None:
        return kept and not front.replays
    return front.replays < len(target.replicas.targets)


def find_again(front: "Front") -> None:
    """Give a request that was not sent yet to who answers now; raises Refused.

    The route may have been switched since, and have another policy.
    """
    before, identity, line, fields = front.target, front.identity, front.line, front.fields
    target = front.router.table.find(fields.host, line)
    front.identity = b""
    if target.rules is not None:
        target.rules.allow(front)
    target.upstream.active += 1
    if front.out and before is not None:  # written for whoever was there, and asked, before
        written = before.head(line, fields, identity)
        wanted = target.head(line, fields, front.identity)
        if written != wanted:
            front.out = [wanted + front.out[0][len(written) :], *front.out[1:]]
    front.uncount()
    front.target = target


async def _connect(router: "Router", upstream: Upstream) -> Back:
    back = Back(router, upstream)
    try:
        return await router.upstreams.connect(upstream, lambda: back)
    except BaseException:  # a caller that leaves meanwhile: uvloop does not tell the protocol
        back.cut()
        raise
