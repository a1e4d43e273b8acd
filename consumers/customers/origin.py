"""Where the list of customers comes from: a file, a URL, or the setting itself."""

from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import aiohttp

from bus.blocking import run_blocking
from consumers.customers.listing import EVERYBODY, NOBODY, CustomersInvalid
from schemas.errors import PushlineError

LARGEST: Final = 4 * 1024 * 1024  # bytes
TIMEOUT: Final = aiohttp.ClientTimeout(total=20)


class CustomersUnavailable(PushlineError):
    """The list of customers cannot be read now; the last good one still holds."""

    code = "customers_unavailable"


class Origin(Protocol):
    """Gives the list."""

    @property
    def every(self) -> float:
        """Return the seconds after which it may have changed."""
        ...

    async def read(self) -> str:
        """Return the list as text; CustomersUnavailable when it cannot be had."""
        ...


class Said:
    """The list stands in the setting: everybody, or nobody."""

    every: Final = 3600.0

    def __init__(self, text: str) -> None:
        """Keep what it says."""
        self._text = text

    async def read(self) -> str:
        """Return it."""
        return self._text


class InFile:
    """The list is a file."""

    every: Final = 5.0

    def __init__(self, path: Path) -> None:
        """Read ``path`` each time."""
        self._path = path

    async def read(self) -> str:
        """Return what the file says now."""
        try:
            body = await run_blocking(_head_of, self._path)
        except OSError as error:
            raise CustomersUnavailable(
                f"{self._path} cannot be read: {error.strerror}", hint="make it readable for us"
            ) from error
        return _text(body)


class AtUrl:
    """The list is at a URL; an answer that was not 200 is none, whatever it says."""

    every: Final = 300.0  # as the predecessor

    def __init__(self, url: str) -> None:
        """Ask ``url`` each time; what stands behind its host may be secret, and is not told."""
        self._url = url
        self._host = urlsplit(url).hostname or ""

    def __repr__(self) -> str:
        """Return the host alone."""
        return f"AtUrl({self._host})"

    async def read(self) -> str:
        """Return what stands there now."""
        try:
            async with (
                aiohttp.ClientSession(timeout=TIMEOUT) as session,
                session.get(self._url, headers={"Accept": "text/plain"}) as answer,
            ):
                if answer.status != 200:
                    raise CustomersUnavailable(
                        f"{self._host} answers {answer.status}", hint="is the URL right?"
                    )
                body = await answer.content.read(LARGEST + 1)
                while not answer.content.at_eof() and len(body) <= LARGEST:
                    body += await answer.content.read(LARGEST + 1)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise CustomersUnavailable(
                f"{self._host} does not answer: {type(error).__name__}",
                hint="it is asked again in some minutes",
            ) from error
        return _text(body)


def origin_of(setting: str) -> Origin:
    """Return where the list is, by what the operator set."""
    if setting.strip() in ("", NOBODY):
        return Said(NOBODY)
    if setting.strip() == EVERYBODY:
        return Said(EVERYBODY)
    if setting.startswith(("http://", "https://")):
        return AtUrl(setting)
    return InFile(Path(setting).expanduser())


def _head_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def _text(body: bytes) -> str:
    if len(body) > LARGEST:
        raise CustomersInvalid(f"the list is over {LARGEST} bytes", hint="write * for everybody")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise CustomersInvalid("the list is no text", hint="write it in UTF-8") from error
