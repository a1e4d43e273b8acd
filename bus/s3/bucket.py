"""A bucket: calls of the S3 client in a bounded pool of threads, each with a connection."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bus import instruments
from bus.s3 import refusals
from bus.settings import S3Settings
from schemas.errors import BlobsUnavailable

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

P = ParamSpec("P")
R = TypeVar("R")


class Bucket:
    """One bucket and who speaks to it; shared between tasks."""

    def __init__(self, settings: S3Settings) -> None:
        """Prepare; the store is asked nothing yet."""
        self.settings = settings
        self.name = settings.bucket
        self._threads = ThreadPoolExecutor(settings.connections, thread_name_prefix="s3")
        self._making = threading.Lock()
        self._client: S3Client | None = None

    def __repr__(self) -> str:
        """Return where it is."""
        return f"Bucket({self.settings!r})"

    async def run(
        self,
        function: "Callable[Concatenate[S3Client, P], R]",
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Return ``function(client, *args)``, run in one of the threads.

        Raises BlobsUnavailable for all that the store or the way to it refuses. Cancelling the
        caller does not stop the function: it runs to its end, unheard.
        """
        call = partial(self._call, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def close(self) -> None:
        """Start nothing more; what runs ends by its own timeouts."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _call(
        self,
        function: "Callable[Concatenate[S3Client, P], R]",
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        operation, begin = function.__name__.strip("_"), time.perf_counter()
        try:
            return function(self._connected(), *args, **kwargs)
        except (BotoCoreError, ClientError) as error:
            code = refusals.code_of(error)
            instruments.blob_failures.labels(operation, code).inc()
            raise refusals.meaning(error, self.settings) from error
        finally:
            instruments.blob_seconds.labels(operation).observe(time.perf_counter() - begin)

    def _connected(self) -> "S3Client":
        """Return the client; making it takes half a second, in a thread."""
        with self._making:
            if self._client is None:
                self._client = _client(self.settings)
            return self._client


def _client(settings: S3Settings) -> "S3Client":
    import boto3

    config = Config(
        signature_version="s3v4",
        connect_timeout=settings.connect_seconds,
        read_timeout=settings.read_seconds,
        max_pool_connections=settings.connections,
        retries={"mode": "standard", "total_max_attempts": settings.attempts},
        s3={"addressing_style": settings.addressing},
        # Its own checksums travel as trailers, which many stores refuse; ours are headers.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    session = boto3.session.Session(
        aws_access_key_id=settings.access_key or None,
        aws_secret_access_key=settings.secret_key or None,
        region_name=settings.region,
    )
    try:
        return session.client("s3", endpoint_url=settings.url or None, config=config)
    except ValueError as error:
        raise BlobsUnavailable(
            f"{settings.endpoint} is no URL of an S3 store", hint="mend PUSHLINE_S3_URL"
        ) from error
