"""What happens to a connection whose time is up."""

from typing import TYPE_CHECKING

from edge.router import causes
from edge.router.phases import BODY, HEAD, SENT

if TYPE_CHECKING:
    from edge.router.front import Front


def expire(front: "Front") -> None:
    """Do what a passed deadline asks for; the router's sweep calls this."""
    if _moved(front):
        return
    if front.transport.is_closing():  # it would wait for a caller that reads no more
        front.transport.abort()
    elif (front.state == HEAD and front.buffer) or (
        front.state == BODY and not front.held and not front.began
    ):
        front.fail(causes.REQUEST_TIMEOUT)
    elif front.state in (BODY, SENT):
        if front.target is not None:
            front.target.upstream.health.failed()
        front.fail(causes.UPSTREAM_TIMEOUT)
    else:
        front.abort()


def _moved(front: "Front") -> bool:
    """Tell whether bytes were taken on either side since the deadline was set."""
    waiting = front.transport.get_write_buffer_size()
    if front.back is not None:
        waiting += front.back.transport.get_write_buffer_size()
    moved = waiting > 0 and waiting != front.waiting
    front.waiting = waiting
    if moved:
        front.deadline = front.router.now + front.settings.stall_timeout
    return moved
