"""What we take of nats-py, and not its WebSocket.

That imports aiohttp wherever it is installed: a quarter of the start of `pushline events tail`.
Our own wire speaks TCP and TLS, too, and nothing else.
"""

from bus.lean import import_without

import_without("aiohttp", "nats.aio.transport")

from nats import errors  # noqa: E402
from nats.aio.client import Client  # noqa: E402
from nats.aio.msg import Msg  # noqa: E402

__all__ = ["Client", "Msg", "errors"]
