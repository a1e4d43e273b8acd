"""One way for blocking libraries and files to run beside the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

PLACES: Final = 16  # calls at once; the rest wait their turn

P = ParamSpec("P")
R = TypeVar("R")

_threads = ThreadPoolExecutor(PLACES, thread_name_prefix="blocking")


async def run_blocking(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return ``function(*args)``, run in one of a limited number of threads.

    Cancelling the caller does not stop the function: it runs to its end, unheard.
    """
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, partial(function, *args, **kwargs))
