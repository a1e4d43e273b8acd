"""The contract of the log's events under ``/api``: the AsyncAPI document, as it is released."""

import functools
from importlib import resources
from typing import Final

from litestar import get

MEDIA_TYPE: Final = "application/vnd.aai.asyncapi+json;version=3.0.0"


@functools.cache
def document() -> bytes:
    """Return the document; it is made with each release."""
    return resources.files("schemas").joinpath("contract", "asyncapi.json").read_bytes()


@get("/asyncapi.json", media_type=MEDIA_TYPE, include_in_schema=False, sync_to_thread=False)
def asyncapi() -> bytes:
    """Return what stands in the log, who writes it and who reads it, as AsyncAPI 3.0."""
    return document()
